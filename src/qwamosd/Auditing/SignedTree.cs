using System.Text.Json;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Auditing;

/// <summary>A checkpoint that was made.</summary>
/// <param name="Checkpoint">What was signed.</param>
/// <param name="Note">The signed note.</param>
/// <param name="Seconds">When it was made, unix seconds.</param>
/// <param name="Key">The verifier key that it holds under.</param>
/// <param name="Statement">The operator's word for that key, as recorded when this was made; null while there is none.</param>
internal sealed record SignedTree(Checkpoint Checkpoint, string Note, long Seconds, string Key, LedgerKeyStatement? Statement)
{
    private (JsonEncodedText Name, byte[] Value)[]? _encoded;

    /// <summary>Entries in the tree.</summary>
    public long Size => Checkpoint.Size;

    /// <summary>What answers carry of it, made once: many answers carry the same one.</summary>
    public IReadOnlyList<(string Name, JsonValue Value)> Members { get; } =
    [
        ("checkpoint", JsonValue.Of(Note)),
        ("key", JsonValue.Of(Key)),
        .. Statement is null ? Array.Empty<(string, JsonValue)>() : [("key_statement", Statement.ToJson())],
    ];

    /// <summary>Writes the same members: encoded once, for the answer to each change has them.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        foreach ((JsonEncodedText name, byte[] value) in _encoded ??= [.. Members.Select(member => (JsonEncodedText.Encode(member.Name), JsonText.Bytes(member.Value)))])
        {
            json.WritePropertyName(name);
            json.WriteRawValue(value, skipInputValidation: true);
        }
    }
}
