using System.Diagnostics;
using System.Text.RegularExpressions;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Policy;
using Xunit;

namespace Qwamos.ControlBus.Tests.Manual;

/// <summary>The manual in `packaging/man` is what its sources give, the programs' own tables among them, and every reader of man pages takes it.</summary>
public sealed partial class ManualTests
{
    public static TheoryData<string> Pages() => [.. ManualPage.All().Select(page => page.Name)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_page_is_what_its_sources_give(string name)
    {
        var page = Page(name);
        var made = page.Make();
        if (Environment.GetEnvironmentVariable(ManualPage.WriteVariable) == "1")
            File.WriteAllText(page.File, made);
        Assert.True(File.Exists(page.File), $"packaging/man/{name} is missing. To make it: {ManualPage.WriteVariable}=1 ./test unit");
        Assert.True(made == File.ReadAllText(page.File), $"packaging/man/{name} is not what its sources give any more. To make it anew: {ManualPage.WriteVariable}=1 ./test unit");
    }

    [Fact]
    public void Every_page_has_a_source() =>
        Assert.Equal(ManualPage.All().Select(page => page.File), Directory.EnumerateFiles(Path.Combine(Repository.Root, "packaging/man")).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_file_of_the_system_and_every_policy_key_is_in_the_manual()
    {
        var manual = string.Join('\n', ManualPage.All().Select(page => page.Make())).Replace("\\-", "-", StringComparison.Ordinal);
        var paths = typeof(SystemPaths).GetProperties().Where(property => property.PropertyType == typeof(string) && property.Name is not (nameof(SystemPaths.Root) or nameof(SystemPaths.Domain)))
            .Select(property => (string)property.GetValue(SystemPaths.Real)!);
        Assert.All(paths, path => Assert.Contains(Path.GetFileName(path), manual, StringComparison.Ordinal));
        Assert.All(PolicySchema.BuiltIn.Keys, key => Assert.Contains($"\\fB{key.Name}\\fR", manual, StringComparison.Ordinal));
    }

    [Fact]
    public void See_also_names_pages_that_there_are()
    {
        var pages = ManualPage.All().Select(page => page.Name).ToHashSet();
        var named = ManualPage.All().SelectMany(page => Reference().Matches(page.Make())).Select(match => $"{match.Groups[1].Value.Replace("\\-", "-", StringComparison.Ordinal)}.{match.Groups[2].Value}");
        Assert.All(named, name => Assert.Contains(name, pages));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Mandoc_and_groff_take_a_page_without_a_word(string name)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/mandoc"), "needs mandoc, which is not installed");
        Assert.SkipUnless(File.Exists("/usr/bin/man"), "needs man, which is not installed");
        Assert.Equal("", Run("/usr/bin/mandoc", "-T", "lint", "-W", "style", Page(name).File));
        Assert.Equal("", Run("/usr/bin/man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", Page(name).File));
    }

    [Theory]
    [InlineData("Take `-x` or **all**.", "Take \\fB\\-x\\fR or \\fBall\\fR.\n")]
    [InlineData(".hidden is *one* file", "\\&.hidden is \\fIone\\fR file\n")]
    [InlineData("First. Second [here](x.md).", "First.\nSecond here.\n")]
    [InlineData("a\\b … 2 × 3", "a\\eb ... 2 \\[u00D7] 3\n")]
    [InlineData("| a | mode | what |\n|---|---|---|\n| `f` | 0600 | it |\n", ".TP\n\\fBf\\fR\n(mode 0600) it\n")]
    [InlineData("| boot | with it |\n|---|---|\n| 1 | it |\n", ".PP\nWith it:\n.TP\nboot 1\nit\n")]
    [InlineData("the truth: [ledger](../formats/ledger.md#x). More", "the truth: see ledger in ledger.md.\nMore\n")]
    [InlineData("what it is: [below](#x)", "what it is: see below\n")]
    [InlineData("1. one\n   more\n2. two\n", ".IP 1. 4\none more\n.IP 2. 4\ntwo\n")]
    [InlineData("1. one:\n   - in\n     it\n   - too\n2. two\n", ".IP 1. 4\none:\n.RS 4\n.IP \\(bu 2\nin it\n.IP \\(bu 2\ntoo\n.RE\n.IP 2. 4\ntwo\n")]
    [InlineData("## Exit status\n\ntext\n\nmore\n", ".SH \"EXIT STATUS\"\ntext\n.PP\nmore\n")]
    [InlineData("text\n\n    a  b\n\n    'c'\n", "text\n.PP\n.in +4n\n.nf\na  b\n.fi\n.in\n.PP\n.in +4n\n.nf\n\\&'c'\n.fi\n.in\n")]
    public void Markdown_becomes_man(string markdown, string man) => Assert.Equal(man, Roff.FromMarkdown(markdown));

    [Fact]
    public void Markdown_without_a_form_is_an_error() => Assert.Throws<FormatException>(() => Roff.FromMarkdown("> a quotation\n"));

    private static ManualPage Page(string name) => ManualPage.All().Single(page => page.Name == name);

    private static string Run(string program, params string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["MANWIDTH"] = "80";
        start.Environment["LC_ALL"] = "C.UTF-8";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return program.EndsWith("mandoc", StringComparison.Ordinal) ? output.GetAwaiter().GetResult() + error : error;
    }

    [GeneratedRegex(@"\\fB([\w.\\-]+)\\fR\(([158])\)")]
    private static partial Regex Reference();
}
