using System.Text.Json;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Envelopes;

/// <summary>Writes answers (DESIGN section 3): one JSON object, one line feed, below 65,536 bytes.</summary>
public static class Answer
{
    private const int MaxFaultTextChars = 256;

    /// <summary><c>{"status":"ok", ...}</c> with the members in the order given.</summary>
    /// <exception cref="InvalidOperationException">Longer than an answer may be; the caller bounds what it shows.</exception>
    public static byte[] Ok(IEnumerable<(string Name, JsonValue Value)> members) => Bounded(Line([("status", JsonValue.Of("ok")), .. members]));

    /// <summary>The same with members that are written straight away: for the answer that is made most often.</summary>
    /// <param name="from">What they are written from.</param>
    /// <param name="members">Writes them, each with its name.</param>
    /// <exception cref="InvalidOperationException">Longer than an answer may be; the caller bounds what it shows.</exception>
    public static byte[] Ok<T>(T from, Action<Utf8JsonWriter, T> members) => Bounded(JsonText.Line((from, members), static (json, answer) =>
    {
        json.WriteStartObject();
        json.WriteString("status"u8, "ok"u8);
        answer.members(json, answer.from);
        json.WriteEndObject();
    }));

    private static byte[] Bounded(byte[] line) =>
        line.Length <= Limits.MaxAnswerBytes
            ? line
            : throw new InvalidOperationException($"an answer of {line.Length} bytes; at most {Limits.MaxAnswerBytes} may be sent");

    /// <summary>
    /// <c>{"status":"error","reason":...,"code":...}</c> and what the refusal adds. A request can name long keys, so their texts are clipped,
    /// and faults that still do not fit are counted in <c>faults_left_out</c>.
    /// </summary>
    public static byte[] Error(Refusal refusal)
    {
        int kept = refusal.Faults?.Count ?? 0;
        byte[] line = ErrorLine(refusal, kept);
        while (line.Length > Limits.MaxAnswerBytes && kept > 0)
        {
            kept /= 2;
            line = ErrorLine(refusal, kept);
        }

        return line.Length <= Limits.MaxAnswerBytes
            ? line
            : Error(new Refusal(refusal.Code, Clip(refusal.Reason), Index: refusal.Index));
    }

    private static byte[] ErrorLine(Refusal refusal, int faultsKept)
    {
        List<(string, JsonValue)> members =
        [
            ("status", JsonValue.Of("error")),
            ("reason", JsonValue.Shown(refusal.Reason)),
            ("code", JsonValue.Of(ErrorCodes.Name(refusal.Code))),
        ];
        if (refusal.Faults is { } faults)
        {
            members.Add(("faults", JsonValue.Array(faults.Take(faultsKept).Select(FaultValue))));
            if (faultsKept < faults.Count)
                members.Add(("faults_left_out", JsonValue.Of(faults.Count - faultsKept)));
        }

        if (refusal.Index is { } index)
            members.Add(("index", JsonValue.Of(index)));
        if (refusal.Outcome is { } outcome)
            members.Add(("outcome", JsonValue.Of(outcome)));
        foreach (var (name, value) in refusal.Extra ?? [])
            members.Add((name, value));
        return Line(members);
    }

    private static JsonValue FaultValue(Fault fault) =>
        JsonValue.Object([("key", JsonValue.Shown(Clip(fault.Key))), ("reason", JsonValue.Shown(Clip(fault.Reason)))]);

    private static string Clip(string text)
    {
        if (text.Length <= MaxFaultTextChars)
            return text;
        int end = char.IsHighSurrogate(text[MaxFaultTextChars - 1]) ? MaxFaultTextChars - 1 : MaxFaultTextChars;
        return text[..end] + "...";
    }

    private static byte[] Line(IEnumerable<(string, JsonValue)> members) => JsonText.Line(JsonValue.Object(members));
}
