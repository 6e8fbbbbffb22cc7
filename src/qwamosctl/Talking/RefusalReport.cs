using Qwamos.Client.Changing;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Client.Talking;

/// <summary>A daemon's refusal: one sentence, its faults, and how to mend it. The terminal escapes all of it: the daemon chose the words.</summary>
internal static class RefusalReport
{
    public static void Show(Session session, AnswerReader answer, OperatorKey? key, IReadOnlyList<Setting>? change = null)
    {
        session.Terminal.Complain(Sentence(answer), session.Placed(Mend(session, answer, key, change)), answer.Faults);
    }

    /// <summary>The same as the end of a command that needs more than one answer.</summary>
    public static Failure Of(Session session, AnswerReader answer, OperatorKey key) => new(ExitCode.Refused, Sentence(answer), Mend(session, answer, key, null));

    private static string Sentence(AnswerReader answer)
    {
        var reason = answer.Reason ?? "no reason given";
        return answer.Code is { } code ? $"refused ({code}): {reason}" : $"refused: {reason}";
    }

    private static string? Mend(Session session, AnswerReader answer, OperatorKey? key, IReadOnlyList<Setting>? change)
    {
        if (answer.Code is null || !ErrorCodes.TryParse(answer.Code, out var code))
            return null;
        if (code == ErrorCode.BadSignature && key is { IsEnrolled: not true })
            return $"Your key is not the enrolled one. {key.EnrolAdvice}";
        if (code == ErrorCode.BadSignature && key is not null && BelievedKey.Other(session, key) is { } other)
            return $"Your key is enrolled, and the running daemon believes another one still, {other}: restart it: {session.RestartDaemon}";
        // The daemon says no more of fire than of any other value, for its reason stands in the ledger; the sender knows what was sent.
        if (code == ErrorCode.InvalidPolicy && change is [{ Key.IsEvent: true } fire] && EventValues.IsFire(fire.Value))
            return $"{EventValues.Fire} is taken only while armed: set {fire.Key.Name} {EventValues.Armed} first";
        return code == ErrorCode.Replayed && answer.Outcome is { } outcome
            ? $"What became of it the first time: {outcome}"
            : ErrorCodes.Mend(code);
    }
}
