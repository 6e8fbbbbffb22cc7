using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Keys;

/// <summary>An element of a list of signatures, <c>{"key_id","signature"}</c>, as it stands beside a message and under a trust root. Read, not verified.</summary>
/// <param name="Key">The key that it names.</param>
/// <param name="Bytes">64 bytes.</param>
internal readonly record struct NamedSignature(KeyId Key, byte[] Bytes)
{
    /// <summary>Reads a list of 1 to 16, each of another key.</summary>
    /// <param name="list">The list.</param>
    /// <param name="mayBeEmpty">For a file that waits for its first signature.</param>
    /// <param name="signatures">What it holds.</param>
    /// <param name="fault">One sentence where it is not in this form.</param>
    public static bool TryReadList(JsonValue list, bool mayBeEmpty, out List<NamedSignature> signatures, [NotNullWhen(false)] out string? fault)
    {
        signatures = [];
        fault = $"signatures is not a list of 1 to {Limits.MaxSignatures}";
        if (list.Kind != JsonKind.Array || list.Items.Length > Limits.MaxSignatures || (list.Items.Length == 0 && !mayBeEmpty))
            return false;
        signatures.Capacity = list.Items.Length;
        foreach (JsonValue item in list.Items)
        {
            fault = TryAdd(signatures, item);
            if (fault is not null)
                return false;
        }
        fault = null;
        return true;
    }

    private static string? TryAdd(List<NamedSignature> signatures, JsonValue item)
    {
        if (item.Kind != JsonKind.Object || item.Members.Length != 2 || !item.TryGet("key_id", out JsonValue? key) || !item.TryGet("signature", out JsonValue? signature))
            return "an element of signatures is not an object of exactly key_id and signature";
        if (!key.TryGetString(out string? digits) || !KeyId.TryParse(digits, out KeyId id))
            return "a key_id is not 64 lower-case hex digits";
        foreach (NamedSignature earlier in signatures)
        {
            if (earlier.Key == id)
                return "signatures names one key_id twice";
        }
        byte[] bytes = new byte[VerifyingKey.SignatureSizeBytes];
        if (!signature.TryGetString(out string? text) || !CanonicalBase64.TryDecode(text, bytes))
            return "a signature is not 88 characters of canonical base64";
        signatures.Add(new NamedSignature(id, bytes));
        return null;
    }
}
