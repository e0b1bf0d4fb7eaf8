# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of ``report.json``, published beside this module; ``python -m harness.report.schema`` writes it."""

from __future__ import annotations

import json
from pathlib import Path

from harness.report.model import Report

PUBLISHED = Path(__file__).with_name("report.schema.json")


def report_schema() -> str:
    """The schema (draft 2020-12) as text."""
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    PUBLISHED.write_text(report_schema(), encoding="utf-8")
