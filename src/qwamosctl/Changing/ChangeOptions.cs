using System.CommandLine;
using Qwamos.ControlBus;

namespace Qwamos.Client.Changing;

/// <summary>The options of the commands that change policy.</summary>
internal sealed class ChangeOptions
{
    /// <summary>Of a SHA-256 in hexadecimal.</summary>
    private const int HashDigits = 64;

    private readonly Option<bool> dryRun = new("--dry-run")
    {
        Description = "Show the message and what would happen; sign and send nothing",
    };

    private readonly Option<string> reason = new("--reason")
    {
        HelpName = "TEXT",
        Description = "Why, for the record",
    };

    private readonly Option<string[]> audience = new("--audience")
    {
        HelpName = "NAME",
        Description = "Deliver to these domains only; may be repeated",
    };

    private readonly Option<string> expires = new("--expires")
    {
        HelpName = "TIME",
        Description = $"Refuse the change when it arrives later than this: 1 to {Limits.FreshnessWindowSeconds} seconds, or with --out and several signers up to {Limits.MaxProposalSeconds / 86_400}d",
    };

    private readonly Option<string> file = new("--out")
    {
        HelpName = "FILE",
        Description = "Write the change there for several to sign (qwamosctl sign FILE); sign and send nothing",
    };

    private readonly Option<string[]> baseHashes = new("--base")
    {
        HelpName = "CLASS=HASH",
        Description = "Change only if the class's policy is still the one with this hash (qwamosctl status -o json); may be repeated",
    };

    private readonly Option<string> mode = new("--mode")
    {
        HelpName = "auto|staged",
        Description = "staged: let every key wait for the next boot",
    };

    private readonly Option<bool> wait = new("--wait")
    {
        Description = "Wait until every domain concerned says that it is in force; exit code 1 when one does not",
    };

    private readonly Option<string> timeout = new("--timeout")
    {
        HelpName = "TIME",
        Description = $"How long --wait waits: up to {InForceWait.MaxSeconds} seconds (default: {InForceWait.DefaultSeconds})",
    };

    public void AddTo(Command command)
    {
        command.Add(dryRun);
        command.Add(reason);
        command.Add(audience);
        command.Add(expires);
        command.Add(file);
        command.Add(baseHashes);
        command.Add(mode);
        command.Add(wait);
        command.Add(timeout);
    }

    public bool TryRead(ParseResult parse, out ChangeTerms terms, out Failure failure)
    {
        terms = null!;
        failure = null!;
        long? lifetime = null;
        var names = parse.GetValue(audience) is { Length: > 0 } given ? given.SelectMany(part => part.Split(',')).ToList() : null;
        var why = CheckReason(parse.GetValue(reason)) ?? CheckMode(parse.GetValue(mode)) ?? ReadExpires(parse.GetValue(expires), parse.GetValue(file) is not null, out lifetime) ?? CheckAudience(names);
        Dictionary<string, string>? bases = null;
        long? waits = null;
        why ??= ReadWait(parse, out waits) ?? ReadBases(parse.GetValue(baseHashes), out bases);
        if (why is not null)
        {
            failure = Failure.Usage(why);
            return false;
        }
        terms = new ChangeTerms(
            parse.GetValue(dryRun),
            parse.GetValue(reason),
            names,
            lifetime,
            bases,
            parse.GetValue(mode) == "staged",
            parse.GetValue(file),
            waits);
        return true;
    }

    private string? ReadWait(ParseResult parse, out long? seconds)
    {
        seconds = null;
        var text = parse.GetValue(timeout);
        if (!parse.GetValue(wait))
            return text is null ? null : "--timeout is how long --wait waits, and that is not given";
        if (parse.GetValue(dryRun) || parse.GetValue(file) is not null)
            return "--wait waits for a change that is sent, and this one is not";
        var number = (long)InForceWait.DefaultSeconds;
        if (text is not null && (!Duration.TryParse(text, out number) || number is < 1 or > InForceWait.MaxSeconds))
            return $"--timeout takes {Duration.Form}, up to {InForceWait.MaxSeconds} seconds, not {text}";
        seconds = number;
        return null;
    }

    private static string? CheckReason(string? text)
    {
        if (text is null)
            return null;
        if (text.EnumerateRunes().Count() > Limits.MaxReasonCodePoints)
            return $"--reason is longer than {Limits.MaxReasonCodePoints} characters";
        return text.Any(char.IsControl) ? "--reason has a control character in it" : null;
    }

    private static string? CheckMode(string? text) => text switch
    {
        null or "auto" or "staged" => null,
        _ => $"--mode takes auto or staged, not {text}",
    };

    private static string? ReadExpires(string? text, bool isForSeveral, out long? lifetime)
    {
        lifetime = null;
        if (text is null)
            return null;
        var isTime = Duration.TryParse(text, out var seconds);
        if (!isTime || seconds < 1 || seconds > (isForSeveral ? Limits.MaxProposalSeconds : Limits.FreshnessWindowSeconds))
        {
            return isForSeveral
                ? $"--expires takes {Duration.Form}, up to {Limits.MaxProposalSeconds / 86_400}d, not {text}"
                : $"--expires takes 1 to {Limits.FreshnessWindowSeconds} seconds, not {text}; a change that several sign (--out) may wait longer";
        }
        lifetime = seconds;
        return null;
    }

    private static string? CheckAudience(List<string>? names)
    {
        if (names is null)
            return null;
        if (names.Any(string.IsNullOrWhiteSpace))
            return "--audience has an empty name in it";
        return names.Distinct(StringComparer.Ordinal).Count() < names.Count ? "--audience names a domain twice" : null;
    }

    private static string? ReadBases(string[]? given, out Dictionary<string, string>? bases)
    {
        bases = null;
        foreach (var pair in given ?? [])
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || !pair[(at + 1)..].All(char.IsAsciiHexDigitLower))
                return $"--base takes CLASS=HASH with 64 hexadecimal digits, not {pair}";
            if (pair.Length - at - 1 != HashDigits)
                return $"--base {pair}: the hash has {HashDigits} hex digits, not {pair.Length - at - 1}; qwamosctl status -o json shows it as base";
            bases ??= new Dictionary<string, string>(StringComparer.Ordinal);
            if (!bases.TryAdd(pair[..at], pair[(at + 1)..]))
                return $"--base names the class {pair[..at]} twice";
        }
        return null;
    }
}
