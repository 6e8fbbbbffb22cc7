using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Gateway.Enforcing;

/// <summary>
/// One run of a hook: its arguments, the JSON on its standard input, and all that the daemon says to the hook's unit. It holds no path: who runs the hook finds
/// it by the key's name.
/// </summary>
internal sealed record HookCall(string Key, PolicyValue Value, long Index, string Class)
{
    public static HookCall Of(Enforcement enforcement) =>
        new(enforcement.Key.Name, enforcement.Value, enforcement.Index, enforcement.Key.Class);

    /// <summary>Takes what <see cref="ToJson"/> gives; false with one sentence for anything else.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out HookCall? call, [NotNullWhen(false)] out string? fault)
    {
        call = null;
        if (!StrictJson.TryParse(utf8, out JsonValue? document, out fault, Limits.MaxHookCallBytes))
            return false;
        var reader = new MemberReader(document, "the call of a hook");
        string key = reader.Text("key", Limits.MaxPolicyKeyNameBytes);
        string @class = reader.Text("class", Limits.MaxPolicyKeyNameBytes);
        long index = reader.Integer("index", 0, Limits.MaxSafeInteger);
        if (!PolicyNames.IsKey(key))
            reader.Refuse("the call of a hook: key must be the name of a policy key");
        if (!PolicyNames.IsClass(@class))
            reader.Refuse("the call of a hook: class must be a class of the policy");
        if (!PolicyValue.TryFrom(reader.Any("value"), out PolicyValue value))
            reader.Refuse("the call of a hook: value must be a string, an integer or a boolean");
        if (!reader.Finish(out fault))
            return false;
        call = new HookCall(key, value, index, @class);
        return true;
    }

    public byte[] ToJson() => CanonicalJson.Write(JsonValue.Object(
    [
        ("key", JsonValue.Of(Key)),
        ("value", Value.ToJson()),
        ("index", JsonValue.Of(Index)),
        ("class", JsonValue.Of(Class)),
    ]));
}
