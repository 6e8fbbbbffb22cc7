using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus;

namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>The program nft: its whole path, arguments as an array, never a shell, a time limit, bounded output. A ruleset goes in by its standard input.</summary>
internal sealed class Nft(TimeProvider time)
{
    private const string Program = "/usr/sbin/nft";

    /// <summary>Why the kernel would not take a ruleset, or null. Changes nothing.</summary>
    public string? Check(string ruleset, CancellationToken stop) => Run(["-c", "-f", "-"], ruleset, stop, out _);

    /// <summary>Loads a ruleset in one transaction; why it did not, or null.</summary>
    public string? Load(string ruleset, CancellationToken stop) => Run(["-f", "-"], ruleset, stop, out _);

    /// <summary>Reads back what the kernel has under our table's name. Protocols as numbers: their names are a file's, which a small machine has not.</summary>
    public bool TryList(CancellationToken stop, [NotNullWhen(true)] out RulesetListing? listing, [NotNullWhen(false)] out string? fault)
    {
        listing = null;
        fault = Run(["-j", "-p", "list", "table", Ruleset.Family, Ruleset.Table], "", stop, out string output);
        if (fault is not null)
            fault = $"table {Ruleset.Family} {Ruleset.Table} cannot be listed: {fault}";
        else if (!RulesetListing.TryParse(Encoding.UTF8.GetBytes(output), out listing, out string? why))
            fault = $"what nft lists cannot be read: {why}";
        return listing is not null;
    }

    private string? Run(string[] arguments, string input, CancellationToken stop, out string output)
    {
        HookEnd end = HookProcess.Run(Program, arguments, Encoding.UTF8.GetBytes(input), time, stop, Limits.MaxRulesetListingBytes, Limits.FirewallTimeoutSeconds);
        output = end.Output;
        return end.Succeeded ? null : $"nft: {end.Why}{FirstLine(end.Output)}";
    }

    private static string FirstLine(string output) => output.Split('\n')[0].Trim() is { Length: > 0 } line ? $": {line}" : "";
}
