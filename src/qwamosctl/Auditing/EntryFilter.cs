using System.CommandLine;
using System.Globalization;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Auditing;

/// <summary>Which entries <c>audit show</c> shows: all of the conditions given must hold.</summary>
internal sealed class EntryFilter
{
    private readonly Option<string> name = new("--policy-key") { HelpName = "NAME", Description = "Only changes that name this policy key" };
    private readonly Option<string> by = new("--by") { HelpName = "KEY-ID", Description = "Only changes signed by this key: the ID, or its first digits" };
    private readonly Option<string> since = new("--since") { HelpName = "TIME", Description = "Only entries from then on: 2026-11-23, 2026-11-23T21:00:00Z (UTC) or unix seconds" };
    private readonly Option<string> until = new("--until") { HelpName = "TIME", Description = "Only entries before then" };

    public void AddTo(Command command)
    {
        command.Add(name);
        command.Add(by);
        command.Add(since);
        command.Add(until);
    }

    public bool TryRead(ParseResult parse, out Func<LedgerEntry, bool> wanted, out Failure failure)
    {
        var (key, signer) = (parse.GetValue(name), parse.GetValue(by));
        wanted = null!;
        if (signer is not null && (signer.Length is 0 or > KeyId.Digits || !signer.All(char.IsAsciiHexDigit)))
        {
            failure = Failure.Usage($"--by takes a key ID or its first digits, hexadecimal, not {signer}", "qwamosctl key show and qwamosctl audit show name key IDs");
            return false;
        }
        if (!TryReadTime(parse.GetValue(since), "--since", long.MinValue, out var from, out failure)
            || !TryReadTime(parse.GetValue(until), "--until", long.MaxValue, out var to, out failure))
            return false;
        wanted = entry => entry.TimeSeconds >= from && entry.TimeSeconds < to
            && (signer is null || SignerOf(entry)?.ToString().StartsWith(signer, StringComparison.OrdinalIgnoreCase) is true)
            && (key is null || Names(entry, key));
        return true;
    }

    /// <summary>
    /// Says on standard error why nothing was shown, for a filter that lets nothing through looks like a history without changes. A policy key that there is not, and
    /// never was in what was looked at, is an error.
    /// </summary>
    public int ExplainNothing(ParseResult parse, Session session)
    {
        if (parse.GetValue(name) is { } key && session.TryLoadSchema(out var schema, out _) && !schema.TryGet(key, out _))
            return session.Fail(Failure.Usage(schema.Nearest(key) is { } near ? $"no entry matches, and there is no policy key {key} here; did you mean {near}?" : $"no entry matches, and there is no policy key {key} here", "All keys: qwamosctl keys"));
        session.Terminal.Note("no entry matches");
        return (int)ExitCode.Done;
    }

    private static KeyId? SignerOf(LedgerEntry entry) => entry switch
    {
        RecordedEntry recorded => recorded.Signer,
        LedgerKeyEntry key => key.Statement.Signer,
        DomainKeyEntry key => key.Statement.Signer,
        _ => null,
    };

    private static bool Names(LedgerEntry entry, string key) => entry switch
    {
        MessageEntry message => message.Message.Args!.TryGet(key, out _),
        RecordedEntry { Outcome: { } outcome } => outcome.Applied.Contains(key) || outcome.Staged.Contains(key) || outcome.Unstaged.Contains(key),
        NoteEntry note => note.Note.Results.Any(result => result.Key == key),
        _ => false,
    };

    /// <summary>A time as people write it: a day, a second in UTC, or unix seconds.</summary>
    internal static bool TryReadTime(string? text, string option, long otherwise, out long seconds, out Failure failure)
    {
        failure = null!;
        seconds = otherwise;
        if (text is null || long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out seconds))
            return true;
        if (DateTimeOffset.TryParseExact(
            text, ["yyyy-MM-dd", "yyyy-MM-ddTHH:mm:ssZ"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            seconds = time.ToUnixTimeSeconds();
            return true;
        }
        failure = Failure.Usage($"{option} takes a time like 2026-11-23 or 2026-11-23T21:00:00Z, not {text}");
        return false;
    }
}
