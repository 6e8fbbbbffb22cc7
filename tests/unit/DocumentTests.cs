using System.Text.RegularExpressions;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Client;
using Xunit;

namespace Qwamos.ControlBus.Tests;

/// <summary>What the documents list is what the programs have.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Troubleshooting_lists_every_code_in_the_order_of_the_checks() =>
        Assert.Equal(
            ErrorCodes.All.Select(ErrorCodes.Name),
            RowName().Matches(Section("docs/troubleshooting.md", "## Codes")).Select(match => match.Groups[1].Value));

    [Fact]
    public void Guide_classifies_every_key_as_the_schema_does() =>
        Assert.Equal(
            PolicySchema.BuiltIn.Keys.Select(key => $"{key.Name}: {(key.Apply == PolicyApply.Runtime ? "now" : "reboot")}, {key.Class}, {key.IsConfidential}"),
            KeyRow().Matches(Section("docs/guide/README.md", "## Classification"))
                .Select(row => $"{row.Groups[1]}: {row.Groups[3]}, {row.Groups[4]}, {row.Groups[2].Value.Contains("confidential", StringComparison.Ordinal)}"));

    [Fact]
    public void Format_of_the_ledger_has_the_statements_that_make_it()
    {
        string folder = Directory.CreateTempSubdirectory("qwl-").FullName;
        try
        {
            LedgerStore.Open(Path.Combine(folder, "ledger.db"), LedgerOpenMode.ReadWrite).Dispose();
            using var database = LedgerDatabase.Open(Path.Combine(folder, "ledger.db"), LedgerOpenMode.ReadOnly);
            List<string> made = database.QueryTexts("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
            string document = File.ReadAllText(Path.Combine(Repository.Root, "docs/formats/ledger.md"));
            Assert.Equal(8, made.Count);
            Assert.All(made, sql => Assert.Contains($"\n    {sql.Replace("\n", "\n    ", StringComparison.Ordinal)}\n", document, StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData]
    [InlineData("key")]
    [InlineData("keys")]
    [InlineData("audit")]
    [InlineData("trust")]
    public void Guide_of_the_client_names_every_command_and_option(params string[] command)
    {
        using ClientTrial trial = new();
        var guide = File.ReadAllText(Path.Combine(Repository.Root, "docs/guide/qwamosctl.md"));
        Assert.Equal(0, trial.RunBare([.. command, "--help"]));
        var commands = CommandLine().Matches(trial.Output.Split("Commands:")[1]).Select(match => match.Groups[1].Value).ToList();
        Assert.NotEmpty(commands);
        foreach (var name in commands)
        {
            string[] words = [.. command, name];
            if (words is not ["key"] and not ["audit"] and not ["trust"])
                Assert.Matches($@"^\| `{string.Join(' ', words)}\b", string.Join('\n', guide.Split('\n').Where(line => line.StartsWith($"| `{string.Join(' ', words)}", StringComparison.Ordinal))));
            Assert.Equal(0, trial.RunBare([.. words, "--help"]));
            Assert.All(
                Option().Matches(trial.Output).Select(match => match.Value).Except(["--help", "--output", "--version"]),
                option => Assert.Contains(option, guide, StringComparison.Ordinal));
        }
    }

    private static string Section(string document, string heading)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, document));
        var start = text.IndexOf(heading + "\n", StringComparison.Ordinal) + heading.Length;
        var end = text.IndexOf("\n## ", start, StringComparison.Ordinal);
        return text[start..end];
    }

    [GeneratedRegex(@"^\| `([a-z_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex RowName();

    [GeneratedRegex(@"^\| `([^`]+)` \| (.*) \| (now|reboot) \| (\w+) \|$", RegexOptions.Multiline)]
    private static partial Regex KeyRow();

    [GeneratedRegex(@"^  ([a-z-]+)\b", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"--[a-z-]+")]
    private static partial Regex Option();
}
