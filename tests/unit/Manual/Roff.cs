using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Qwamos.ControlBus.Tests.Manual;

/// <summary>
/// Turns the Markdown of our documents into man(7) as man-db and mandoc read it: headings, paragraphs, lists, code, tables, and within a line code,
/// bold and links. A table becomes a list of its first column. A construct that it does not know is an error, never text that looks odd.
/// </summary>
internal static partial class Roff
{
    private const int MaxLineChars = 78;

    private const int MaxWordChars = 40;

    /// <summary>The lines of a document, or of a part of one, as man(7).</summary>
    public static string FromMarkdown(string markdown)
    {
        StringBuilder page = new();
        var blocks = Blocks(Pointer().Replace(markdown, link => $": see {link.Groups[1].Value}{(link.Groups[2].Value is { Length: > 0 } file ? $" in {file}" : "")}"));
        var opensSection = true;
        foreach (var block in blocks)
        {
            page.Append(Block(block, opensSection));
            opensSection = block[0].StartsWith('#');
        }
        return page.ToString();
    }

    /// <summary>Running text as lines of at most <see cref="MaxLineChars"/>, a sentence beginning a line of its own.</summary>
    public static string Text(string markdown)
    {
        StringBuilder lines = new();
        foreach (var sentence in SentenceEnd().Split(markdown.Trim()))
            lines.Append(Wrapped(Inline(sentence)));
        return lines.ToString();
    }

    /// <summary>What is man(7) already, in lines of at most that length.</summary>
    public static string Wrapped(string text)
    {
        StringBuilder lines = new();
        var length = 0;
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (length > 0 && length + 1 + word.Length > MaxLineChars)
            {
                lines.Append('\n');
                length = 0;
            }
            var written = length == 0 ? Guarded(word) : " " + word;
            lines.Append(written);
            length += written.Length;
        }
        return lines.Append(length > 0 ? "\n" : "").ToString();
    }

    /// <summary>A tag and what it means.</summary>
    public static string Tagged(string tag, string meaning) => $".TP\n{Unwrapped(tag)}\n{meaning}";

    public static string Bold(string literal) => $"\\fB{Literal(literal)}\\fR";

    public static string Italic(string literal) => $"\\fI{Literal(literal)}\\fR";

    /// <summary>Text whose hyphens are typed as they stand.</summary>
    public static string Literal(string text) => Escape(text).Replace("-", "\\-", StringComparison.Ordinal);

    private static string Block(string[] block, bool opensSection)
    {
        var first = block[0];
        if (first.StartsWith("### ", StringComparison.Ordinal))
            return $".SS {Quoted(Inline(first[4..]))}\n";
        if (first.StartsWith("## ", StringComparison.Ordinal))
            return $".SH {Quoted(Inline(first[3..]).ToUpperInvariant())}\n";
        if (first.StartsWith("```", StringComparison.Ordinal))
            return Code(block[1..^1], opensSection);
        if (first.StartsWith("    ", StringComparison.Ordinal))
            return Code([.. block.Select(line => line.Length < 4 ? "" : line[4..])], opensSection);
        if (first.StartsWith('|'))
            return Table(block);
        if (ListItem().IsMatch(first))
            return List(block);
        if (first.StartsWith('#') || first.StartsWith('>'))
            throw new FormatException("the manual has no form for: " + first);
        return (opensSection ? "" : ".PP\n") + Text(string.Join(' ', block));
    }

    private static string Code(string[] lines, bool opensSection) =>
        (opensSection ? "" : ".PP\n") + ".in +4n\n.nf\n" + string.Concat(lines.Select(line => Guarded(Literal(line)) + "\n")) + ".fi\n.in\n";

    /// <summary>
    /// The first column is the tag, the last its meaning; what stands between goes in brackets with its heading. A tag that is a bare number says nothing:
    /// there the first heading goes before it, and the last one before them all.
    /// </summary>
    private static string Table(string[] rows)
    {
        var headings = Cells(rows[0]);
        StringBuilder list = new();
        var isNumbered = headings[0].Length > 0 && Cells(rows[2])[0].All(char.IsAsciiDigit);
        if (isNumbered)
            list.Append(".PP\n").Append(Text($"{char.ToUpperInvariant(headings[^1][0])}{headings[^1][1..]}:"));
        foreach (var cells in rows[2..].Select(Cells))
        {
            var between = Enumerable.Range(1, Math.Max(0, cells.Length - 2)).Where(i => cells[i].Length > 0).Select(i => $"{headings[i]} {cells[i]}".Trim());
            var aside = string.Join(", ", between);
            var meaning = string.Join(' ', new[] { aside.Length > 0 ? $"({aside})" : "", cells[^1] }.Where(part => part.Length > 0));
            list.Append(Tagged(Inline(isNumbered ? $"{headings[0]} {cells[0]}" : cells[0]), meaning.Length > 0 ? Text(meaning) : "\\&\n"));
        }
        return list.ToString();
    }

    private static string[] Cells(string row) =>
        [.. CellBorder().Split(row.Trim().Trim('|')).Select(cell => cell.Trim().Replace("\\|", "|", StringComparison.Ordinal))];

    /// <summary>Bullets or numbers; an item may have a list of bullets within it.</summary>
    private static string List(string[] lines)
    {
        StringBuilder list = new();
        for (var i = 0; i < lines.Length;)
        {
            var start = ListItem().Match(lines[i]);
            var end = i + 1;
            while (end < lines.Length && !ListItem().IsMatch(lines[end]))
                end++;
            var inner = Array.FindIndex(lines, i + 1, end - i - 1, line => ListItem().IsMatch(line.TrimStart()));
            var own = lines[i..(inner < 0 ? end : inner)].Select(line => line.Trim());
            list.Append(start.Groups[1].Value is "-" ? ".IP \\(bu 2\n" : $".IP {start.Groups[1].Value} 4\n").Append(Text(string.Join(' ', own)[start.Length..]));
            if (inner >= 0)
                list.Append(".RS 4\n").Append(List([.. lines[inner..end].Select(line => line.Trim())])).Append(".RE\n");
            i = end;
        }
        return list.ToString();
    }

    /// <summary>Paragraphs and the like, each with its lines; separated by blank lines, but for fenced code, which holds its own.</summary>
    private static List<string[]> Blocks(string markdown)
    {
        List<string[]> blocks = [];
        List<string> block = [];
        var fenced = false;
        foreach (var line in markdown.Split('\n').Append(""))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
                fenced = !fenced;
            var goesOn = fenced || line.Length > 0;
            var opens = !fenced && block.Count > 0 && line.Length > 0 && KindOf(line) != KindOf(block[0]) && !block[0].StartsWith("```", StringComparison.Ordinal) && !IsContinued(block[0], line);
            if (block.Count > 0 && (!goesOn || opens))
            {
                blocks.Add([.. block]);
                block = [];
            }
            if (goesOn)
                block.Add(line);
        }
        return blocks;
    }

    private static bool IsContinued(string first, string line) => ListItem().IsMatch(first) && (ListItem().IsMatch(line) || line.StartsWith("  ", StringComparison.Ordinal));

    private static char KindOf(string line) => line[0] switch
    {
        '#' => '#',
        '|' => '|',
        '`' when line.StartsWith("```", StringComparison.Ordinal) => '`',
        ' ' when line.StartsWith("    ", StringComparison.Ordinal) => ' ',
        _ => ListItem().IsMatch(line) ? '-' : 't',
    };

    private static string Inline(string markdown) => Span().Replace(markdown, span =>
        span.Groups["code"].Success ? Breakable(span.Groups["code"].Value)
        : span.Groups["bold"].Success ? $"\\fB{Escape(span.Groups["bold"].Value)}\\fR"
        : span.Groups["italic"].Success ? $"\\fI{Escape(span.Groups["italic"].Value)}\\fR"
        : span.Groups["link"].Success ? Inline(span.Groups["link"].Value)
        : Escape(span.Value));

    /// <summary>Code in running text: a long word of it, such as JSON, may go on in the next line after a comma.</summary>
    private static string Breakable(string code) => code.Length > MaxWordChars ? Bold(code).Replace(",", ",\\:", StringComparison.Ordinal) : Bold(code);

    private static string Escape(string text)
    {
        StringBuilder escaped = new();
        foreach (var rune in text.EnumerateRunes())
            escaped.Append(rune.Value switch
            {
                '\\' => "\\e",
                '…' => "...",
                > 0x7e => string.Create(CultureInfo.InvariantCulture, $"\\[u{rune.Value:X4}]"),
                _ => rune.ToString(),
            });
        return escaped.ToString();
    }

    private static string Quoted(string argument) => $"\"{argument.Replace("\"", "\\(dq", StringComparison.Ordinal)}\"";

    // A line that begins with a dot or an apostrophe would be a request.
    private static string Guarded(string line) => line.StartsWith('.') || line.StartsWith('\'') ? "\\&" + line : line;

    private static string Unwrapped(string line) => Guarded(line.Trim());

    [GeneratedRegex(@"(?<=[.:;?!])\s+(?=[A-Z`*\[])")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"^(-|\d+\.)\s+")]
    private static partial Regex ListItem();

    /// <summary>A link after a colon stands for "see there"; its text alone would be a stray word.</summary>
    [GeneratedRegex(@": \[([^\]]+)\]\((?:[^)#]*/)?([^)#/]*)(?:#[^)]*)?\)")]
    private static partial Regex Pointer();

    [GeneratedRegex(@"(?<!\\)\|")]
    private static partial Regex CellBorder();

    [GeneratedRegex(@"`(?<code>[^`]+)`|\*\*(?<bold>[^*]+)\*\*|(?<!\w)\*(?<italic>[^*\s][^*]*)\*(?!\w)|!?\[(?<link>[^\]]+)\]\([^)]*\)|[^`*\[]+|.", RegexOptions.Singleline)]
    private static partial Regex Span();
}
