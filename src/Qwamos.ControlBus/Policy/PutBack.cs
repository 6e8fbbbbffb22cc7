using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>A value that the boot took away again, and what stands in its place. No applier serves a confidential key, so that nothing here is one's.</summary>
/// <param name="Key">The policy key.</param>
/// <param name="Away">The value taken away, and the entry that staged it.</param>
/// <param name="Good">The last known good; null when the key was never set, so that its default stands there.</param>
/// <param name="Result">How far that is in force: one of <see cref="BootResult"/>'s good ones.</param>
/// <param name="Why">One clause, at most <see cref="BootResult.MaxTextCodePoints"/> code points.</param>
public sealed record PutBack(string Key, Applied Away, Applied? Good, string Result, string Why)
{
    /// <summary>For people: what became of what, and why.</summary>
    public string Sentence =>
        $"{Key}={Away.Value.ToLine()} (entry {Away.Index}) was put back to {(Good is { } good ? $"{good.Value.ToLine()} (entry {good.Index})" : "its default, for it was never set before")}, {Result}: {Why}";

    /// <summary>The form in <c>assessment.json</c> and for programs; the key is told by its name there.</summary>
    public JsonValue ToJson() => JsonValue.Object(Members());

    internal IEnumerable<(string, JsonValue)> Members() =>
    [
        .. BootValue.Members(Away),
        ("good", BootValue.ToJson(Good)),
        ("result", JsonValue.Of(Result)),
        ("why", JsonValue.Of(Why)),
    ];

    internal static PutBack Read(string key, MemberReader reader)
    {
        var read = new PutBack(
            key,
            new Applied(reader.Value("value"), reader.Integer("index", 0, Limits.MaxSafeInteger)),
            BootValue.ReadKnown("good", reader),
            reader.Text("result", BootResult.MaxTextCodePoints),
            reader.Text("why", BootResult.MaxTextCodePoints));
        if (read.Result is not (BootResult.InForce or BootResult.InForceAfterReboot or BootResult.Recorded))
            reader.Refuse($"what stands in the place of {key} is not in force");
        return read;
    }
}
