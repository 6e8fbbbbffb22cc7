using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Gateway.Enforcing;

/// <summary>What became of one <see cref="HookCall"/>, and the first bytes of what the hook printed.</summary>
internal readonly record struct HookAnswer(EnforcementOutcome Outcome, string Output)
{
    private const int MaxWhyCodePoints = 8_192;

    public static HookAnswer Failed(string why) => new(EnforcementOutcome.Failed(why), "");

    /// <summary>What is no answer is a failure.</summary>
    public static HookAnswer Read(ReadOnlySpan<byte> utf8)
    {
        if (!StrictJson.TryParse(utf8, out JsonValue? document, out string? fault, Limits.MaxAnswerBytes))
            return Failed("the answer of its unit cannot be read: " + fault);
        var reader = new MemberReader(document, "the answer of its unit");
        string state = reader.Text("state", MaxWhyCodePoints);
        string why = reader.Text("why", MaxWhyCodePoints);
        string output = reader.Text("output", Limits.MaxHookOutputBytes);
        if (!reader.Finish(out fault))
            return Failed(fault);
        return state switch
        {
            ReportedKey.InForce => new HookAnswer(EnforcementOutcome.Done, output),
            ReportedKey.NoEnforcer => new HookAnswer(EnforcementOutcome.NoEnforcer, output),
            ReportedKey.Failed => new HookAnswer(EnforcementOutcome.Failed(why), output),
            _ => Failed("the answer of its unit has an unknown state"),
        };
    }

    public byte[] ToJson() => CanonicalJson.Write(JsonValue.Object(
    [
        ("state", JsonValue.Of(Outcome.State)),
        ("why", JsonValue.Shown(Outcome.Why ?? "")),
        ("output", JsonValue.Shown(Output)),
    ]));
}
