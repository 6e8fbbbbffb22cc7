using Qwamos.Client.Showing;
using Qwamos.ControlBus.Envelopes;

namespace Qwamos.Client.Talking;

/// <summary>A daemon's refusal: one sentence, its faults, and how to mend it. The terminal escapes all of it: the daemon chose the words.</summary>
internal static class RefusalReport
{
    public static void Show(Terminal terminal, AnswerReader answer, OperatorKey? key)
    {
        var reason = answer.Reason ?? "no reason given";
        terminal.Complain(answer.Code is { } code ? $"refused ({code}): {reason}" : $"refused: {reason}", Mend(answer, key), answer.Faults);
    }

    private static string? Mend(AnswerReader answer, OperatorKey? key)
    {
        if (answer.Code is null || !ErrorCodes.TryParse(answer.Code, out var code))
            return null;
        if (code == ErrorCode.BadSignature && key is { IsEnrolled: not true })
            return $"Your key is not the enrolled one. To enrol it: {key.EnrolLine}";
        return code == ErrorCode.Replayed && answer.Outcome is { } outcome
            ? $"What became of it the first time: {outcome}"
            : ErrorCodes.Mend(code);
    }
}
