using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Qwamos.ControlBus.Tests;

/// <summary>What no compiler holds: which folder may refer to which, how long a file may be, what must not be left behind, links of the documents.</summary>
public sealed partial class TidyTests
{
    private const int MaxFileLines = 500;

    // A folder refers only to folders before it (DESIGN section 8; Files stands first, see docs/adr).
    private static readonly string[] Library = ["Files", "Json", "Keys", "Trust", "Envelopes", "Verification", "Policy", "Ledger", "Audit"];
    private static readonly string[] Hosting = ["Running", "Linking", "Listening", "Pipeline", "Commands"];

    private static readonly string[] TextFiles =
        [".cs", ".csproj", ".props", ".slnx", ".md", ".json", ".yml", ".sh", ".py", ".mjs", ".service", ".conf", ".txt", ""];

    [Fact]
    public void Folders_of_the_library_refer_only_to_folders_before_them() =>
        Nothing(BackwardReferences("src/Qwamos.ControlBus", "Qwamos.ControlBus", Library));

    [Fact]
    public void Folders_of_the_hosting_refer_only_to_folders_before_them() =>
        Nothing(BackwardReferences("src/Qwamos.ControlBus.Hosting", "Qwamos.ControlBus.Hosting", Hosting));

    [Fact]
    public void The_library_has_no_folder_outside_of_the_order_and_one_file_at_its_root()
    {
        Nothing(FoldersOf("src/Qwamos.ControlBus").Except(Library));
        Nothing(FoldersOf("src/Qwamos.ControlBus.Hosting").Except(Hosting));
        Assert.Equal(["Limits.cs"], Directory.EnumerateFiles(At("src/Qwamos.ControlBus"), "*.cs").Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public void A_namespace_is_its_folder()
    {
        var wrong =
            from file in Files("src", ".cs")
            let parts = file.Split('/')
            let root = parts[1] switch { "qwamosd" => "Qwamos.Daemon", "qwamosctl" => "Qwamos.Client", "gateway-policyd" => "Qwamos.Gateway", "qwamos-link" => "Qwamos.Linking", var name => name }
            let expected = string.Join('.', [root, .. parts[2..^1]])
            let declared = NamespaceLine().Match(Read(file)).Groups[1].Value
            where declared.Length > 0 && declared != expected
            select $"{file}: {declared}, not {expected}";
        Nothing(wrong);
    }

    [Fact]
    public void No_source_file_is_longer_than_500_lines() =>
        Nothing(
            from file in Files("src", ".cs").Concat(Files("tests", ".cs"))
            let lines = Read(file).Count(c => c == '\n')
            where lines > MaxFileLines
            select $"{file}: {lines} lines");

    [Fact]
    public void No_marker_of_unfinished_work_is_left()
    {
        // Written apart, or this file would find itself.
        var markers = new Regex(@"\b(" + string.Join('|', "TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "W" + "IP", "NotImplemented" + "Exception") + @")\b");
        Nothing(
            from file in AllFiles()
            from match in markers.Matches(Read(file))
            select $"{file}:{LineOf(Read(file), match.Index)}: {match.Value}");
    }

    [Fact]
    public void No_text_file_has_conflict_marks_trailing_blanks_tabs_in_source_or_a_missing_last_newline()
    {
        var wrong =
            from file in AllFiles()
            where Path.GetExtension(file) is ".cs" or ".md" or ".sh" or ".py" or ".mjs" or ".csproj" or ".props"
            let text = Read(file)
            where text.Length > 0
            let fault = ConflictMark().IsMatch(text) ? "conflict mark"
                : text.Contains('\r', StringComparison.Ordinal) ? "CR"
                : TrailingBlank().IsMatch(text) ? "trailing blank at line " + LineOf(text, TrailingBlank().Match(text).Index)
                : file.EndsWith(".cs", StringComparison.Ordinal) && text.Contains('\t', StringComparison.Ordinal) ? "tab"
                : !text.EndsWith('\n') ? "no newline at the end" : null
            where fault is not null
            select $"{file}: {fault}";
        Nothing(wrong);
    }

    [Fact]
    public void Relative_links_of_the_documents_lead_to_something()
    {
        var dead =
            from file in AllFiles()
            where file.EndsWith(".md", StringComparison.Ordinal)
            from match in MarkdownLink().Matches(CodeBlock().Replace(Read(file), ""))
            let target = Uri.UnescapeDataString(match.Groups[1].Value)
            where !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal)
            where !LeadsSomewhere(file, target)
            select $"{file}: {target}";
        Nothing(dead);
    }

    [Fact]
    public void Every_package_stands_once_with_its_reason()
    {
        var versions = XDocument.Load(At("Directory.Packages.props")).Descendants("PackageVersion").ToList();
        Assert.NotEmpty(versions);
        Nothing(versions.Where(version => version.PreviousNode is not XComment comment || comment.Value.Trim().Length < 20)
            .Select(version => version.Attribute("Include")!.Value + ": no comment before it that says why"));
        Assert.DoesNotContain(Files("src", ".csproj").Concat(Files("tests", ".csproj")), file => PackageWithVersion().IsMatch(Read(file)));
    }

    // One to a line and all of them, where Assert.Empty would cut the list short.
    private static void Nothing(IEnumerable<string> faults)
    {
        var all = string.Join("\n", faults);
        if (all.Length > 0) Assert.Fail(all);
    }

    private static IEnumerable<string> BackwardReferences(string project, string root, string[] order) =>
        from file in Files(project, ".cs")
        let folder = file[(project.Length + 1)..].Split('/')[0]
        let place = Array.IndexOf(order, folder)
        where place >= 0
        from later in order[(place + 1)..]
        where RefersTo(WithoutComments(Read(file)), project, root, later)
        select $"{file} refers to {later}";

    // By its whole name, or relative to the root's namespace: `Policy.Foo` is the folder's only when the folder has a type Foo.
    private static bool RefersTo(string text, string project, string root, string folder) =>
        Regex.IsMatch(text, $@"\b{Regex.Escape(root)}\.{folder}\b")
        || Regex.Matches(text, $@"(?<![\w.""]){folder}\.([A-Z]\w*)").Any(match => File.Exists(At($"{project}/{folder}/{match.Groups[1].Value}.cs")));

    private static string WithoutComments(string text) => Comment().Replace(text, "");

    private static bool LeadsSomewhere(string file, string target)
    {
        var parts = target.Split('#', 2);
        var path = parts[0].Length == 0 ? At(file) : Path.Combine(Path.GetDirectoryName(At(file))!, parts[0]);
        if (!File.Exists(path) && !Directory.Exists(path)) return false;
        return parts.Length == 1 || !path.EndsWith(".md", StringComparison.Ordinal) || Anchors(File.ReadAllText(path)).Contains(parts[1]);
    }

    // As the usual renderers make them: lower case, punctuation gone, blanks to hyphens.
    private static HashSet<string> Anchors(string markdown) =>
        [.. Heading().Matches(markdown).Select(match => Punctuation().Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-')),
            .. ExplicitAnchor().Matches(markdown).Select(match => match.Groups[1].Value)];

    private static IEnumerable<string> FoldersOf(string project) =>
        Directory.EnumerateDirectories(At(project)).Select(path => Path.GetFileName(path)).Where(name => name is not ("bin" or "obj"));

    private static IEnumerable<string> AllFiles() =>
        Files(".", null).Where(file => TextFiles.Contains(Path.GetExtension(file)) && !file.EndsWith("packages.lock.json", StringComparison.Ordinal));

    private static IEnumerable<string> Files(string folder, string? extension)
    {
        if (!Directory.Exists(At(folder))) return [];
        return Directory.EnumerateFiles(At(folder), "*" + extension, SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Repository.Root, path))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj" or ".git" or "artifacts" or "out"))
            .Order(StringComparer.Ordinal);
    }

    private static string Read(string relative) => File.ReadAllText(At(relative));

    private static string At(string relative) => Path.Combine(Repository.Root, relative);

    private static int LineOf(string text, int index) => text.AsSpan(0, index).Count('\n') + 1;

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"^(<<<<<<<|>>>>>>>) ", RegexOptions.Multiline)]
    private static partial Regex ConflictMark();

    [GeneratedRegex(@"[ \t]+$", RegexOptions.Multiline)]
    private static partial Regex TrailingBlank();

    [GeneratedRegex(@"\]\(<?([^)\s>]+)>?(?:\s+""[^""]*"")?\)")]
    private static partial Regex MarkdownLink();

    [GeneratedRegex(@"^```.*?^```|`[^`\n]*`", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"^#{1,6}\s+(.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"<a (?:id|name)=""([^""]+)""")]
    private static partial Regex ExplicitAnchor();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();

    [GeneratedRegex(@"<PackageReference[^>]*\bVersion=")]
    private static partial Regex PackageWithVersion();

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();
}
