using Qwamos.Client.Changing;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Talking;

/// <summary>A daemon's refusal: one sentence, its faults, and how to mend it. The terminal escapes all of it: the daemon chose the words.</summary>
internal static class RefusalReport
{
    private const string NotListed = "Your key is not one of the trust root in force: qwamosctl trust status shows whose are";

    public static void Show(Session session, AnswerReader answer, OperatorKey? key, IReadOnlyList<Setting>? change = null, string? file = null)
    {
        session.Terminal.Complain(Sentence(answer), session.Placed(Mend(session, answer, key, change, file)), answer.Faults);
    }

    /// <summary>The same where a trust root was sent.</summary>
    /// <param name="session">Where things are.</param>
    /// <param name="answer">The refusal.</param>
    /// <param name="root">What was sent.</param>
    /// <param name="file">The file that holds it; null where it was signed just now.</param>
    public static void ShowRoot(Session session, AnswerReader answer, SignedRoot root, string? file) =>
        session.Terminal.Complain(Sentence(answer), session.Placed(MendOfRoot(answer, root.Root.Version, file)), answer.Faults);

    /// <summary>The same as the end of a command that needs more than one answer.</summary>
    public static Failure Of(Session session, AnswerReader answer, OperatorKey? key) => new(ExitCode.Refused, Sentence(answer), Mend(session, answer, key, null, null));

    private static string Sentence(AnswerReader answer)
    {
        var reason = answer.Reason ?? "no reason given";
        return answer.Code is { } code ? $"refused ({code}): {reason}" : $"refused: {reason}";
    }

    private static string? Mend(Session session, AnswerReader answer, OperatorKey? key, IReadOnlyList<Setting>? change, string? file)
    {
        if (answer.Code is null || !ErrorCodes.TryParse(answer.Code, out var code))
            return null;
        if (code == ErrorCode.NotAuthorised && (change is not null || file is not null))
            return HowToAddSigners(answer, file);
        if ((code is ErrorCode.BadSignature or ErrorCode.UnknownKey) && MendOfKey(session, key) is { } mend)
            return mend;
        // The daemon says no more of fire than of any other value, for its reason stands in the ledger; the sender knows what was sent.
        if (code == ErrorCode.InvalidPolicy && change is [{ Key.IsEvent: true } fire] && EventValues.IsFire(fire.Value))
            return $"{EventValues.Fire} is taken only while armed: set {fire.Key.Name} {EventValues.Armed} first";
        return code == ErrorCode.Replayed && answer.Outcome is { } outcome
            ? $"What became of it the first time: {outcome}"
            : ErrorCodes.Mend(code);
    }

    /// <summary>What the list of codes says of a change is wrong of a trust root.</summary>
    private static string? MendOfRoot(AnswerReader answer, long version, string? file)
    {
        const string Again = "what is still wanted of yours is drawn up again on it";
        if (answer.Code is null || !ErrorCodes.TryParse(answer.Code, out var code))
            return null;
        return code switch
        {
            ErrorCode.NotAuthorised => file is not null
                ? $"Those who are missing: {Session.Theirs}sign {SafePath.Quote(file)}; then again: qwamosctl send {SafePath.Quote(file)}"
                : "Write it for those who are missing: the same command with --out FILE",
            ErrorCode.Superseded => $"Look at the one in force, qwamosctl trust show, or, where there is none any more, begin anew: qwamosctl trust init; {Again}",
            ErrorCode.Fork => $"Somebody else's version {version} came first. Look at it: qwamosctl trust show {version}; {Again}",
            ErrorCode.Unproven => answer.NumberOf("version") is { } here
                ? $"Send those between first, version {here + 1} before all others; where there are none, draw it up again: qwamosctl trust propose FILE"
                : "Find out whether an older ledger is in the place of this one, qwamosctl audit verify; then draw it up again",
            ErrorCode.Expired => "Draw it up again, with a later end: --expires TIME",
            ErrorCode.UnknownKey or ErrorCode.BadSignature => "Draw it up again, and have it signed anew: with that signature in it nobody takes it",
            ErrorCode.BadRequest => "Draw it up again on what is in force: qwamosctl trust show; docs/formats/trust.md has each form",
            _ => ErrorCodes.Mend(code),
        };
    }

    /// <summary>Others have to sign too; where nobody may, there is nothing to mend but the trust root.</summary>
    private static string HowToAddSigners(AnswerReader answer, string? file)
    {
        var isMissing = answer.Document.TryGet("missing", out var missing) && missing.Kind == JsonKind.Array;
        if (!isMissing)
            return ErrorCodes.Mend(ErrorCode.NotAuthorised);
        if (missing!.Items.Any(item => !item.TryGet("role", out var role) || role.Kind == JsonKind.Null))
            return "See who may sign what: qwamosctl trust show";
        return file is not null
            ? $"Those who are missing: {Session.Theirs}sign {SafePath.Quote(file)}; then again: qwamosctl send {SafePath.Quote(file)}"
            : $"Have them sign it: the same command with --out change.json writes it to a file; then you: qwamosctl sign change.json; then each of them: {Session.Theirs}sign change.json; then: qwamosctl send change.json";
    }

    /// <summary>Why this key is not believed; null when that is not known.</summary>
    private static string? MendOfKey(Session session, OperatorKey? key)
    {
        if (KeptTrust.Known(session) is not null)
            return NotListed;
        if (key is null)
            return null;
        var (other, hasTrustRoot) = BelievedKey.Ask(session, key);
        return hasTrustRoot ? NotListed
            : key.IsEnrolled is not true ? $"Your key is not the enrolled one. {key.EnrolAdvice}"
            : other is not null ? $"Your key is enrolled, and the running daemon believes another one still, {other}: restart it: {session.RestartDaemon}"
            : null;
    }
}
