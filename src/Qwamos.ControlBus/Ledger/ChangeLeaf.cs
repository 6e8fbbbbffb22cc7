using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// Reads the leaf of an accepted change in one pass over its one form (docs/formats/ledger.md): most entries of a ledger are such, and a
/// verification of all of them has little time beside their signatures. What it takes is written exactly so by <see cref="EntryWriter"/>, and
/// <see cref="EntryReader"/> would read the same; of everything else it says nothing, and that reader judges it.
/// </summary>
internal ref struct ChangeLeaf
{
    private ReadOnlySpan<byte> _rest;

    private ChangeLeaf(ReadOnlySpan<byte> leaf) => _rest = leaf;

    /// <summary>The entry; false for a leaf of another kind, of another form, or with an envelope that is not to be read. The entry refers to the leaf's bytes.</summary>
    public static bool TryRead(byte[] leaf, [NotNullWhen(true)] out MessageEntry? entry)
    {
        entry = null;
        if (leaf.Length > Limits.MaxLeafBytes)
            return false;
        var form = new ChangeLeaf(leaf);
        if (!form.TryReadMembers(out var time, out var peer, out var signer, out var schema, out var outcome) || !form.Takes(",\"envelope\":"u8))
            return false;
        // The leaf ends with the brace that closes it: what is before must be one object and nothing else, white space included.
        var envelope = leaf.AsMemory(leaf.Length - form._rest.Length, Math.Max(0, form._rest.Length - 1));
        if (leaf[^1] != '}' || envelope.Length is < 2 or > Limits.MaxRequestBytes || envelope.Span[0] != '{' || envelope.Span[^1] != '}'
            || !EnvelopeReader.TryReadOwned(envelope, out var read, out _)
            || !EntryReader.IsChange(read.Message))
            return false;
        entry = new MessageEntry(time, peer, signer, schema, read, false, outcome, null, null);
        return true;
    }

    private bool TryReadMembers(out long time, out EntryPeer peer, out KeyId signer, out string schema, [NotNullWhen(true)] out ChangeOutcome? outcome)
    {
        (time, peer, signer, schema, outcome) = (0, default, default, "", null);
        if (Takes("{\"v\":2,\"kind\":\"change\""u8))
            return TryReadSigner(out signer, out schema) && TryReadOutcome(out outcome) && TryReadPeer(out peer) && TryReadTime(out time);
        return Takes("{\"v\":1,\"kind\":\"change\""u8)
            && TryReadTime(out time) && TryReadPeer(out peer) && TryReadSigner(out signer, out schema) && TryReadOutcome(out outcome);
    }

    private bool TryReadTime(out long time)
    {
        time = 0;
        return Takes(",\"time\":"u8) && TryTakeInteger(0, Limits.MaxSafeInteger, out time);
    }

    private bool TryReadPeer(out EntryPeer peer)
    {
        long uid = 0, gid = 0, pid = 0;
        var isRead = Takes(",\"peer\":{\"uid\":"u8) && TryTakeInteger(0, uint.MaxValue, out uid)
            && Takes(",\"gid\":"u8) && TryTakeInteger(0, uint.MaxValue, out gid)
            && Takes(",\"pid\":"u8) && TryTakeInteger(int.MinValue, int.MaxValue, out pid)
            && Takes("}"u8);
        peer = isRead ? new EntryPeer((uint)uid, (uint)gid, (int)pid) : default;
        return isRead;
    }

    private bool TryReadSigner(out KeyId signer, out string schema)
    {
        (signer, schema) = (default, "");
        return Takes(",\"key_id\":\""u8) && TryTakeHash(out var key) && KeyId.TryParse(key, out signer)
            && Takes("\",\"schema\":\""u8) && TryTakeHash(out schema) && Takes("\""u8);
    }

    private bool TryReadOutcome([NotNullWhen(true)] out ChangeOutcome? outcome)
    {
        outcome = null;
        if (!Takes(",\"decision\":{\"applied\":["u8) || !TryTakeNames(out var applied)
            || !Takes(",\"staged\":["u8) || !TryTakeNames(out var staged)
            || !Takes(",\"unstaged\":["u8) || !TryTakeNames(out var unstaged) || !Takes("}"u8))
            return false;
        outcome = new ChangeOutcome(applied, staged, unstaged);
        return true;
    }

    private bool Takes(ReadOnlySpan<byte> expected)
    {
        if (!_rest.StartsWith(expected))
            return false;
        _rest = _rest[expected.Length..];
        return true;
    }

    /// <summary>An integer as JSON writers write it: no plus, no zeros before it, no -0.</summary>
    private bool TryTakeInteger(long minimum, long maximum, out long number)
    {
        number = 0;
        var isNegative = Takes("-"u8);
        var digits = _rest.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        // Every bound has at most 16 digits, so nothing overflows.
        if (digits is < 1 or > 16 || (_rest[0] == '0' && (digits > 1 || isNegative)))
            return false;
        foreach (var digit in _rest[..digits])
            number = (number * 10) + (digit - '0');
        _rest = _rest[digits..];
        number = isNegative ? -number : number;
        return number >= minimum && number <= maximum;
    }

    private bool TryTakeHash(out string hash)
    {
        hash = "";
        if (_rest.Length < KeyId.Digits || !RecentText.TryGet(_rest[..KeyId.Digits], out var text) || !LowerHex.Is(text, KeyId.Digits))
            return false;
        hash = text;
        _rest = _rest[KeyId.Digits..];
        return true;
    }

    /// <summary>The names up to the list's closing bracket: only such as stand in JSON as they are.</summary>
    private bool TryTakeNames(out IReadOnlyList<string> names)
    {
        names = [];
        if (Takes("]"u8))
            return true;
        var read = new List<string>(1);
        do
        {
            if (read.Count == Limits.MaxArgs || !TryTakeName(out var name))
                return false;
            read.Add(name);
        }
        while (Takes(","u8));
        names = read;
        return Takes("]"u8);
    }

    private bool TryTakeName([NotNullWhen(true)] out string? name)
    {
        name = null;
        if (!Takes("\""u8))
            return false;
        var end = _rest.IndexOf((byte)'"');
        if (end is < 0 or > Limits.MaxPolicyKeyNameBytes || _rest[..end].Contains((byte)'\\') || !RecentText.TryGet(_rest[..end], out name))
            return false;
        _rest = _rest[(end + 1)..];
        return true;
    }
}
