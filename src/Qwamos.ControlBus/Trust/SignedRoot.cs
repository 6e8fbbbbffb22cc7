using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Trust;

/// <summary>
/// A trust root and the signatures under it: <c>{"root":{...},"signatures":[{"key_id","signature"}]}</c>, the <c>args</c> of <c>trust_root</c> and the form of a
/// file. Read, not believed.
/// </summary>
public sealed class SignedRoot
{
    private SignedRoot(TrustRoot root, IReadOnlyList<RootSignature> signatures)
    {
        Root = root;
        Signatures = signatures;
    }

    public TrustRoot Root { get; }

    /// <summary>Of distinct keys, at most 16.</summary>
    public IReadOnlyList<RootSignature> Signatures { get; }

    /// <summary>One that nobody has signed yet.</summary>
    public static SignedRoot Unsigned(TrustRoot root) => new(root, []);

    /// <summary>Reads the form; at most <see cref="Limits.MaxTrustRootBytes"/> in all. A file that waits for its first signature may have none.</summary>
    public static bool TryRead(JsonValue? json, [NotNullWhen(true)] out SignedRoot? signed, [NotNullWhen(false)] out string? fault, bool mayBeUnsigned = false)
    {
        signed = null;
        fault = "it is not an object of exactly root and signatures";
        if (json is null || json.Kind != JsonKind.Object || json.Members.Length != 2 || !json.TryGet("root", out var document) || !json.TryGet("signatures", out var list))
            return false;
        if (!TryReadSignatures(list, mayBeUnsigned, out List<RootSignature> signatures, out fault) || !TrustRootReader.TryRead(document, out TrustRoot? root, out fault))
            return false;
        signed = new SignedRoot(root, signatures);
        int size = JsonText.Bytes(signed.ToJson()).Length;
        fault = size <= Limits.MaxTrustRootBytes ? null : $"it has {size} bytes, and may have {Limits.MaxTrustRootBytes}";
        if (fault is null)
            return true;
        signed = null;
        return false;
    }

    /// <summary>The same with one more signature; a key that has signed already signs no second time.</summary>
    public SignedRoot With(SigningKey key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Signatures.Any(signature => signature.Key == key.Id) ? this : new(Root, [.. Signatures, new RootSignature(key.Id, key.Sign(Root.SignedBytes()))]);
    }

    /// <summary>The same with others' signatures, as far as their keys have none in it; up to <see cref="Limits.MaxSignatures"/>.</summary>
    public SignedRoot With(IReadOnlyList<RootSignature> others) =>
        new(Root, [.. Signatures.Concat(others.Where(other => Signatures.All(signature => signature.Key != other.Key))).Take(Limits.MaxSignatures)]);

    /// <summary>The form that is sent, recorded and kept.</summary>
    public JsonValue ToJson() => JsonValue.Object(
    [
        ("root", Root.Document),
        ("signatures", JsonValue.Array(Signatures.Select(signature => JsonValue.Object(
        [
            ("key_id", JsonValue.Of(signature.Key.ToString())),
            ("signature", JsonValue.Of(Convert.ToBase64String(signature.Bytes.Span))),
        ])))),
    ]);

    /// <summary>Reads the list of signatures alone.</summary>
    internal static bool TryReadSignatures(JsonValue list, bool mayBeUnsigned, out List<RootSignature> signatures, [NotNullWhen(false)] out string? fault)
    {
        bool isRead = NamedSignature.TryReadList(list, mayBeUnsigned, out List<NamedSignature> read, out fault);
        signatures = isRead ? [.. read.Select(signature => new RootSignature(signature.Key, signature.Bytes))] : [];
        return isRead;
    }
}
