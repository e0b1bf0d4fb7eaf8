# SPDX-License-Identifier: Apache-2.0
defmodule Monitor do
  @moduledoc """
  Every construct of the language once, for the comparison of parsers.

    * indented "text" with #{1 + 1} and an escape\t
  """
  use Honey, license: "GPL"
  alias Honey.{BpfHelpers, Net}
  alias Honey.Ethhdr, as: Eth
  import Honey.BpfHelpers, only: [bpf_ktime_get_ns: 0]
  require Logger

  @max_entries 10_240
  @sizes [1, 2, 3]

  defstruct :traffic_key, packed: true do
    field(:pid, :u32)
    field(:comm, :string, size: 16)
    field(:ip, :be32, align: 8)
  end

  defmap(:traffic_map, :bpf_hash,
    key_type: :traffic_key,
    value_type: {:array, :u64, 4},
    max_entries: @max_entries
  )

  @doc false
  @spec size(integer) :: integer | nil
  defp size(x) when x > 0 and x < 10, do: x
  defp size(0), do: 1
  defp size(x \\ 2), do: -x

  @sec "tracepoint/syscalls/sys_enter_sendto"
  def main(ctx) do
    pid = BpfHelpers.bpf_get_current_pid_tgid() >>> 32
    if pid == 0, do: return(0)

    bytes = ctx.args[2]
    key = %traffic_key{pid: pid, ip: Net.htonl(0x7F000001)}
    other = %{key | pid: pid + 1}
    key.ip = other.ip

    stats =
      case BpfHelpers.bpf_map_lookup_elem(:traffic_map, key) do
        nil -> 0
        n when n > 1 and rem(n, 2) == 0 -> n * 2
        ^bytes -> bytes
        [head | _tail] -> head
        {:ok, "text" <> rest} -> rest
        <<a::8, b::binary-size(2)>> -> a + b
        %traffic_key{pid: p} -> p
        _ -> -1
      end

    cond do
      stats == 0 -> Logger.info("pid #{pid} of #{inspect(key)}")
      (stats != 1 && !(stats < 5)) || false -> bpf_printk(["%d\n", stats])
      true -> nil
    end

    with {:ok, a} <- probe(ctx), b = a + 1, true <- b > 2 do
      (a &&& b) ||| ~~~a <<< 2
    else
      :error -> 1
      _ -> 2
    end

    for i <- 0..3, do: bump(i)
    for i <- 0..10//2, i > 4, do: bump(i)
    Enum.each(1..4, fn i -> bump(i) end)
    Enum.reduce(1..4, 0, &(&1 + &2))
    Honey.Map.update(:traffic_map, key, 1, &bump/1)

    unless pid in [1, 2] or pid not in 3..9 do
      bytes |> bump() |> Kernel.+(1)
    end

    fuel(10, sum(bytes, 5))
    sizeof(:traffic_key) + offsetof(:traffic_key, :ip) + ?a + length('abc')

    try do
      raise "no"
    rescue
      e in RuntimeError -> e
    after
      0
    end

    ~s(text) <> ~w(a b c)a

    callback = fn
      0, _ -> 1
      a, b when a > b -> a - b
    end

    callback.(1, 2)
  end
end
