# SPDX-License-Identifier: Apache-2.0
# Reads sources (each a line: its bytes in base64) from standard input and prints, a line each, what Elixir's parser
# makes of them: "ok FORM" or "error MESSAGE". tests/honey/elixir_parser.py makes the same FORM of Honey's tree.
defmodule Quoted do
  @sections [:do, :else, :rescue, :catch, :after]

  def parse(source) do
    case Code.string_to_quoted(source, emit_warnings: false) do
      {:ok, quoted} -> "ok " <> show(quoted)
      {:error, {_meta, message, token}} -> "error " <> inspect({message, token})
    end
  rescue
    problem -> "error " <> inspect(Exception.message(problem))
  end

  defp show(int) when is_integer(int), do: "i:#{int}"
  defp show(float) when is_float(float), do: "f:" <> Base.encode16(<<float::float>>)
  defp show(atom) when is_atom(atom), do: "a:" <> name(Atom.to_string(atom))
  defp show(binary) when is_binary(binary), do: "s:" <> name(binary)
  defp show({:__block__, _, [one]}), do: show(one)
  defp show({:__block__, _, many}), do: call("__block__", many)
  defp show({name, _, context}) when is_atom(name) and is_atom(context), do: "v:" <> name(Atom.to_string(name))
  # An empty string before or between interpolations says nothing, nor do empty parentheses after `@name`.
  defp show({:<<>>, _, args}), do: call("<<>>", Enum.reject(args, &(&1 == "")))
  defp show({:@, _, [{name, meta, []}]}), do: show({:@, meta, [{name, meta, nil}]})
  defp show({:.., _, []}), do: "v:" <> name("..")

  defp show({{:., _, [target, name]}, meta, []}) when is_atom(name) do
    kind = if meta[:no_parens], do: "dot", else: "remote"
    "(#{kind} #{show(target)} #{show(name)})"
  end

  defp show({{:., _, [target, name]}, _, args}) when is_atom(name) do
    "(remote #{show(target)} #{show(name)}#{args(args)})"
  end

  defp show({{:., _, [target]}, _, args}), do: "(apply #{show(target)}#{args(args)})"

  # Honey's tree has the text that these sigils stand for.
  defp show({sigil, _, [{:<<>>, meta, parts}, modifiers]}) when sigil in [:sigil_s, :sigil_c, :sigil_w] do
    parts = Enum.map(parts, fn part -> if is_binary(part), do: Macro.unescape_string(part), else: part end)
    "(#{sigil} #{show({:<<>>, meta, parts})} #{show(modifiers)})"
  end

  # Elixir says `key => value` in a map as a pair, and `a: 1` in a call as a list of pairs.
  defp show({name, _, args}) when is_atom(name), do: call(name(Atom.to_string(name)), args)
  defp show({head, _, args}), do: "(call #{show(head)}#{args(args)})"
  defp show({left, right}), do: "{#{show(left)} #{show(right)}}"
  defp show(list) when is_list(list), do: "[" <> Enum.map_join(list, " ", &show/1) <> "]"

  defp call(name, args), do: "(#{name}#{args(args)})"

  defp args(args) do
    last = List.last(args)

    if is_list(last) and last != [] and Keyword.keyword?(last) and Keyword.has_key?(last, :do) do
      {sections, rest} = Enum.split_with(last, fn {key, _} -> key in @sections end)
      args = if rest == [], do: Enum.drop(args, -1), else: List.replace_at(args, -1, rest)

      block =
        for name <- @sections, {:ok, body} <- [Keyword.fetch(sections, name)] do
          " #{name}: #{show(body)}"
        end

      plain(args) <> " (block" <> Enum.join(block) <> ")"
    else
      plain(args)
    end
  end

  defp plain(args), do: Enum.map_join(args, &(" " <> show(&1)))

  defp name(text) do
    if text =~ ~r/\A[a-zA-Z0-9_@?!.%&|<>=+*\/^~:-]+\z/, do: text, else: "#" <> Base.encode16(text)
  end
end

IO.stream(:stdio, :line)
|> Enum.each(fn line -> line |> String.trim() |> Base.decode64!() |> Quoted.parse() |> IO.puts() end)
