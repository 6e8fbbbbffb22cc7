using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Tests.Manual;

/// <summary>
/// A page of the manual, made from its source in `docs/man/NAME.SECTION.md`. There, a comment that stands alone on a line takes in what has another
/// source: `commands` and `options` of the program, `policy keys` of the schema, or `FILE.md#heading`, a part of another document.
/// </summary>
internal sealed partial class ManualPage
{
    /// <summary>Set to 1, the tests write the pages instead of comparing them.</summary>
    public const string WriteVariable = "QWAMOS_WRITE_MAN";

    /// <summary>When the manual of this version was written; raised with the version.</summary>
    private const string Date = "2026-11-25";

    private readonly string source;

    private ManualPage(string source) => this.source = source;

    /// <summary>Such as `qwamosd.8`.</summary>
    public string Name => Path.GetFileNameWithoutExtension(source);

    public string File => Path.Combine(Repository.Root, "packaging/man", Name);

    private string Title => Name[..Name.LastIndexOf('.')];

    private string Section => Name[(Name.LastIndexOf('.') + 1)..];

    public static IReadOnlyList<ManualPage> All() =>
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs/man"), "*.md").Order(StringComparer.Ordinal).Select(path => new ManualPage(path))];

    /// <summary>The page as man(7).</summary>
    public string Make()
    {
        var text = System.IO.File.ReadAllText(source);
        var title = TitleLine().Match(text);
        if (!title.Success)
            throw new FormatException($"{source}: the first line is not: # NAME, NAME - what it is");
        StringBuilder page = new();
        page.Append(System.Globalization.CultureInfo.InvariantCulture, $".\\\" Made from docs/man/{Name}.md: change that, then {WriteVariable}=1 ./test unit\n");
        page.Append(System.Globalization.CultureInfo.InvariantCulture, $".TH {Roff.Literal(Title.ToUpperInvariant())} {Section} {Date} \"QWAMOS {Version()}\" \"QWAMOS Signed Control Bus\"\n.ad l\n");
        page.Append(System.Globalization.CultureInfo.InvariantCulture, $".SH NAME\n{Roff.Wrapped($"{Roff.Literal(title.Groups[1].Value)} \\- {Roff.Literal(title.Groups[2].Value)}")}");
        var rest = text[title.Length..];
        var start = 0;
        foreach (Match directive in Directive().Matches(rest))
        {
            page.Append(Roff.FromMarkdown(rest[start..directive.Index])).Append(Included(directive.Groups[1].Value.Trim()));
            start = directive.Index + directive.Length;
        }
        return page.Append(Roff.FromMarkdown(rest[start..])).ToString();
    }

    private string Included(string what) => what switch
    {
        "synopsis" => CommandText.Synopsis(Title, Program()),
        "commands" => CommandText.Commands(Program()),
        "options" => CommandText.Options(Program()),
        "policy keys" => string.Concat(PolicySchema.BuiltIn.Keys.Select(PolicyKeyText)),
        _ => Roff.FromMarkdown(Part(what)),
    };

    private Command Program() => Title switch
    {
        "qwamosctl" => Qwamos.Client.Program.Commands(new Terminal(Stream.Null, Stream.Null, () => Stream.Null, TimeProvider.System)),
        "qwamosd" => Qwamos.Daemon.Program.Commands(),
        "gateway-policyd" => Qwamos.Gateway.Program.Commands(),
        "qwamos-link" => Qwamos.Linking.Program.Commands(),
        _ => throw new FormatException($"{Name} is not a program's page"),
    };

    private static string PolicyKeyText(PolicyKey key)
    {
        string[] marks = [.. new[] { (key.IsConfidential, "confidential"), (key.IsEvent, "event"), (key.IsIrreversible, "irreversible") }.Where(mark => mark.Item1).Select(mark => mark.Item2)];
        var applies = key.Apply == PolicyApply.Runtime ? "applies now" : "applies at reboot";
        var meaning = string.Join(", ", [applies, "class " + key.Class, "default `" + key.Default.ToLine() + "`", .. marks]);
        return Roff.Tagged(Roff.Bold(key.Name), Roff.Text($"{key.Description} ({meaning})"));
    }

    /// <summary>What stands under a heading of a document, up to the next one of its level.</summary>
    private string Part(string link)
    {
        var (file, heading) = link.Split('#') is [var path, var name] ? (path, name) : throw new FormatException($"{Name}: {link} names no part of a document");
        var text = System.IO.File.ReadAllText(Path.Combine(Path.GetDirectoryName(source)!, file));
        var start = Heading().Matches(text).FirstOrDefault(match => Slug(match.Groups[2].Value) == heading) ?? throw new FormatException($"{Name}: {file} has no part {heading}");
        var level = start.Groups[1].Length;
        var end = Heading().Matches(text).FirstOrDefault(match => match.Index > start.Index && match.Groups[1].Length <= level)?.Index ?? text.Length;
        return text[(start.Index + start.Length)..end].TrimStart('\n');
    }

    private static string Slug(string heading) => NotInSlug().Replace(heading.Trim().ToLowerInvariant(), "").Replace(' ', '-');

    private static string Version() =>
        VersionElement().Match(System.IO.File.ReadAllText(Path.Combine(Repository.Root, "Directory.Build.props"))).Groups[1].Value;

    [GeneratedRegex(@"\A# (.+?) - (.+)\n")]
    private static partial Regex TitleLine();

    [GeneratedRegex(@"^<!-- (.+) -->\n", RegexOptions.Multiline)]
    private static partial Regex Directive();

    [GeneratedRegex(@"^(#{2,6}) (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInSlug();

    [GeneratedRegex("<Version>([^<]+)</Version>")]
    private static partial Regex VersionElement();
}
