using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Ledger;

// Version 2 has what many messages of one sender have alike at its beginning, its head, which a ledger stores once:
//   a change    everything before the pid
//   a refusal   everything before the decision, whose sentence may name anything
// Version 1 had the same members in another order, the time and the pid among the first.

/// <summary>Writes the leaf of a recorded message: docs/formats/ledger.md.</summary>
internal static class MessageLeaf
{
    /// <summary>The leaf's bytes in the form of a version, and how many of them are its head.</summary>
    public static byte[] Write(RecordedEntry entry, int version, out int headBytes)
    {
        var leaf = new LeafBuffer();
        leaf.Add(version == EntryWriter.FirstVersion ? "{\"v\":1,\"kind\":\""u8 : "{\"v\":2,\"kind\":\""u8);
        leaf.AddAscii(entry.IsAccepted ? EntryWriter.Change : EntryWriter.Refused);
        leaf.Add("\""u8);
        headBytes = 0;
        if (version == EntryWriter.FirstVersion)
        {
            AddTime(ref leaf, entry);
            AddPeer(ref leaf, entry);
        }
        leaf.Add(",\"key_id\":\""u8);
        leaf.AddAscii(entry.Signer.ToString());
        leaf.Add("\",\"schema\":\""u8);
        leaf.AddAscii(entry.SchemaHash);
        leaf.Add("\""u8);
        if (!entry.IsAccepted)
            headBytes = leaf.Length;
        AddDecision(ref leaf, entry);
        if (version != EntryWriter.FirstVersion)
        {
            var beforePid = AddPeer(ref leaf, entry);
            if (entry.IsAccepted)
                headBytes = beforePid;
            AddTime(ref leaf, entry);
        }
        AddEnvelope(ref leaf, entry);
        leaf.Add("}"u8);
        return leaf.Finish();
    }

    private static void AddTime(ref LeafBuffer leaf, RecordedEntry entry)
    {
        leaf.Add(",\"time\":"u8);
        leaf.Add(entry.TimeSeconds);
    }

    /// <summary>Gives the place before the pid, which another process of the same sender has another of.</summary>
    private static int AddPeer(ref LeafBuffer leaf, RecordedEntry entry)
    {
        leaf.Add(",\"peer\":{\"uid\":"u8);
        leaf.Add(entry.Peer.Uid);
        leaf.Add(",\"gid\":"u8);
        leaf.Add(entry.Peer.Gid);
        leaf.Add(",\"pid\":"u8);
        var place = leaf.Length;
        leaf.Add(entry.Peer.Pid);
        leaf.Add("}"u8);
        return place;
    }

    private static void AddDecision(ref LeafBuffer leaf, RecordedEntry entry)
    {
        leaf.Add(",\"decision\":{"u8);
        if (entry.Outcome is { } outcome)
        {
            AddNames(ref leaf, "\"applied\":["u8, outcome.Applied);
            AddNames(ref leaf, ",\"staged\":["u8, outcome.Staged);
            AddNames(ref leaf, ",\"unstaged\":["u8, outcome.Unstaged);
        }
        else
        {
            leaf.Add("\"code\":"u8);
            leaf.AddString(ErrorCodes.Name(entry.RefusalCode!.Value));
            leaf.Add(",\"reason\":"u8);
            leaf.AddString(entry.RefusalReason!);
        }
        leaf.Add("}"u8);
    }

    private static void AddNames(ref LeafBuffer leaf, ReadOnlySpan<byte> opening, IReadOnlyList<string> names)
    {
        leaf.Add(opening);
        for (var i = 0; i < names.Count; i++)
        {
            if (i > 0)
                leaf.Add(","u8);
            leaf.AddString(names[i]);
        }
        leaf.Add("]"u8);
    }

    private static void AddEnvelope(ref LeafBuffer leaf, RecordedEntry entry)
    {
        var message = entry as MessageEntry;
        if (message is { IsConfidential: false })
        {
            leaf.Add(",\"envelope\":"u8);
            leaf.Add(message.Envelope.Raw.Span);
            return;
        }
        leaf.Add(",\"envelope_sha256\":\""u8);
        leaf.AddAscii(message is null ? ((WithheldEntry)entry).EnvelopeHash : Convert.ToHexStringLower(Primitives.Sha256(message.Envelope.Raw.Span)));
        leaf.Add("\""u8);
    }
}
