using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// What root's programs remember from one boot to the next (`/var/lib/qwamos-boot/memory.json`), out of qwamosd's reach: an older or
/// rewritten ledger does not extend the tree, an older change of a key is below its timestamp (ATTACKS 13 and 28). Immutable.
/// </summary>
/// <param name="TreeSize">Entries of the ledger last seen.</param>
/// <param name="RootHash">RFC 6962's root over them, 64 lower-case hex digits; null before a ledger was ever seen.</param>
/// <param name="Timestamps">Policy key to the unix seconds of the newest signed message that named it.</param>
/// <param name="NextSequence">The number of the next boot note, from 1.</param>
public sealed record BootMemory(long TreeSize, string? RootHash, IReadOnlyDictionary<string, long> Timestamps, long NextSequence)
{
    private const int Format = 1;
    private const string PinMember = "ledger_key";
    private const string TrustMember = "trust";
    private const string BegunMember = "trust_begun";
    private const int RootHashHexDigits = 64;

    /// <summary>Before the first boot: nothing was seen.</summary>
    public static BootMemory Empty { get; } = new(0, null, new Dictionary<string, long>(), 1);

    /// <summary>The key that the ledger's checkpoints must be by; null before the first was seen, and in a memory of an earlier program.</summary>
    public PinnedKey? LedgerKey { get; init; }

    /// <summary>The newest trust root that a boot saw in force; null before the first.</summary>
    public SeenTrust? Trust { get; init; }

    /// <summary>When root last had the trust begin anew, unix seconds: whatever the ledger says, no version that was drawn up until then counts. 0 where it never did.</summary>
    public long TrustBegunSeconds { get; init; }

    /// <summary>Reads the file's content; the fault is one sentence.</summary>
    public static bool TryParse(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out BootMemory? memory, [NotNullWhen(false)] out string? fault)
    {
        memory = null;
        if (!StrictJson.TryParse(utf8, out var json, out fault)) return false;
        fault = "it is not a memory of format 1";
        if (json.Kind != JsonKind.Object || json.Members.Length != 5 + (json.TryGet(PinMember, out var pin) ? 1 : 0) + (json.TryGet(TrustMember, out var trust) ? 1 : 0) + (json.TryGet(BegunMember, out _) ? 1 : 0) || Number(json, "format") != Format) return false;
        if (Number(json, "tree_size") is not { } size || Number(json, "next_seq") is not ({ } next and >= 1)) return false;
        if (!json.TryGet("root_hash", out var root) || !IsRootOf(root, size)) return false;
        if (!json.TryGet("timestamps", out var stamps) || stamps.Kind != JsonKind.Object) return false;
        if (!TryReadPin(pin, out var pinned) || !TryReadTrust(trust, out var seen)) return false;
        var begun = json.TryGet(BegunMember, out _) ? Number(json, BegunMember) : 0;
        if (begun is null) return false;
        var timestamps = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (key, value) in stamps.Members)
        {
            if (!value.TryGetInteger(out var seconds)) return false;
            timestamps[key] = seconds;
        }
        memory = new BootMemory(size, root.Kind == JsonKind.Null ? null : root.AsString, timestamps, next) { LedgerKey = pinned, Trust = seen, TrustBegunSeconds = begun.Value };
        fault = null;
        return true;
    }

    /// <summary>The file's content: equal memories give equal bytes.</summary>
    public byte[] Write() => CanonicalJson.Write(JsonValue.Object(
    [
        ("format", JsonValue.Of(Format)),
        ("tree_size", JsonValue.Of(TreeSize)),
        ("root_hash", RootHash is null ? JsonValue.Null : JsonValue.Of(RootHash)),
        ("timestamps", JsonValue.Object(Timestamps.Select(pair => (pair.Key, JsonValue.Of(pair.Value))))),
        ("next_seq", JsonValue.Of(NextSequence)),
        .. LedgerKey is { } pin
            ? [(PinMember, JsonValue.Object([("key", JsonValue.Of(pin.Key)), ("signed", pin.SignedSeconds is { } seconds ? JsonValue.Of(seconds) : JsonValue.Null)]))]
            : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. Trust is { } seen
            ? [(TrustMember, JsonValue.Object([("anchor", JsonValue.Of(seen.Anchor)), ("version", JsonValue.Of(seen.Version)), ("sha256", JsonValue.Of(seen.Hash)), ("index", JsonValue.Of(seen.Index))]))]
            : ReadOnlySpan<(string, JsonValue)>.Empty,
        .. TrustBegunSeconds > 0 ? [(BegunMember, JsonValue.Of(TrustBegunSeconds))] : ReadOnlySpan<(string, JsonValue)>.Empty,
    ]));

    /// <summary>
    /// The same memory with no timestamp above the given second: what `set-time-floor` does to it. A later word for the ledger's key is forgotten, and a trust that began anew at a
    /// time ahead of the clock began by now.
    /// </summary>
    public BootMemory WithTimeFloor(long seconds, long clockSeconds) => this with
    {
        Timestamps = Timestamps.ToDictionary(pair => pair.Key, pair => Math.Min(pair.Value, seconds), StringComparer.Ordinal),
        LedgerKey = LedgerKey?.SignedSeconds > seconds ? LedgerKey with { SignedSeconds = null } : LedgerKey,
        TrustBegunSeconds = RootHistory.LoweredBegun(TrustBegunSeconds, seconds, clockSeconds),
    };

    private static bool TryReadPin(JsonValue? json, out PinnedKey? pin)
    {
        pin = null;
        if (json is null) return true;
        if (json.Kind != JsonKind.Object || json.Members.Length != 2 || !json.TryGet("key", out var key) || !json.TryGet("signed", out var signed)) return false;
        if (!key.TryGetString(out var text) || text.Length is 0 or > Limits.MaxVerifierKeyChars) return false;
        var seconds = Number(json, "signed");
        if (seconds is null && signed.Kind != JsonKind.Null) return false;
        pin = new PinnedKey(text, seconds);
        return true;
    }

    private static bool TryReadTrust(JsonValue? json, out SeenTrust? seen)
    {
        seen = null;
        if (json is null) return true;
        if (json.Kind != JsonKind.Object || json.Members.Length != 4 || Number(json, "version") is not ({ } version and >= 1) || Number(json, "index") is not { } index) return false;
        if (!IsHash(json, "anchor", out var anchor) || !IsHash(json, "sha256", out var hash)) return false;
        seen = new SeenTrust(anchor, version, hash, index);
        return true;
    }

    private static bool IsHash(JsonValue json, string name, out string digits)
    {
        digits = "";
        return json.TryGet(name, out var value) && value.TryGetString(out digits!) && LowerHex.Is(digits, RootHashHexDigits);
    }

    private static long? Number(JsonValue json, string name) =>
        json.TryGet(name, out var value) && value.TryGetInteger(out var number) && number >= 0 ? number : null;

    private static bool IsRootOf(JsonValue root, long size) => root.Kind switch
    {
        JsonKind.Null => size == 0,
        JsonKind.String => root.AsString.Length == RootHashHexDigits && root.AsString.All(char.IsAsciiHexDigitLower),
        _ => false,
    };
}
