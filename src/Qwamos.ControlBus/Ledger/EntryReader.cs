using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// Reads leaves. The envelope is cut out byte for byte and parsed as strictly as when it came; what was understood is written again and must
/// give the same leaf, so that nothing in a leaf can go unread.
/// </summary>
public static class EntryReader
{
    // The leaf is one object around an envelope, which may itself be as deep as a request.
    private const int MaxLeafDepth = Limits.MaxJsonDepth + 1;
    private const int MaxKindCodePoints = 16;

    /// <summary>Reads an entry; its confidential envelope, when it has one, is asked for by index and checked against the leaf.</summary>
    /// <exception cref="LedgerIntegrityException">The leaf is not in the form of docs/formats/ledger.md, or the envelope is not the recorded one.</exception>
    public static LedgerEntry Read(LedgerRow row, Func<long, byte[]?> confidentialEnvelope) => ReadLeaf(row, confidentialEnvelope);

    /// <summary>Reads a leaf without its row, as an export holds it: a confidential envelope was left out, and gives a <see cref="WithheldEntry"/>.</summary>
    /// <exception cref="LedgerIntegrityException">The leaf is not in the form of docs/formats/ledger.md.</exception>
    public static LedgerEntry ReadExported(long index, byte[] leaf) => ReadLeaf(new LedgerRow(index, leaf, []), null);

    private static LedgerEntry ReadLeaf(LedgerRow row, Func<long, byte[]?>? confidentialEnvelope) =>
        ChangeLeaf.TryRead(row.Leaf, out var change) ? change : ReadByMembers(row, confidentialEnvelope);

    /// <summary>What a recorded message must be, whatever became of it.</summary>
    internal static bool IsChange(Message message) => message is { Command: Commands.SetPolicy, Nonce: not null, Timestamp: not null, Args: not null };

    /// <summary>Reads a leaf of any kind by its members; without <see cref="ChangeLeaf"/>, which must find the same in what it takes.</summary>
    /// <exception cref="LedgerIntegrityException">The leaf is not in the form of docs/formats/ledger.md, or the envelope is not the recorded one.</exception>
    internal static LedgerEntry ReadByMembers(LedgerRow row, Func<long, byte[]?>? confidentialEnvelope)
    {
        if (!StrictJson.TryParse(row.Leaf, out var document, out var fault, Limits.MaxLeafBytes, MaxLeafDepth))
            throw Wrong(row, fault);
        var reader = new MemberReader(document, "the leaf");
        var version = (int)reader.Integer("v", EntryWriter.FirstVersion, EntryWriter.MessageVersion);
        var kind = reader.Text("kind", MaxKindCodePoints);
        var time = reader.Integer("time", 0, Limits.MaxSafeInteger);
        LedgerEntry? entry = null;
        if (kind == EntryWriter.Note)
            entry = ReadNote(row, reader, time, document);
        else if (kind == EntryWriter.LedgerKey)
            entry = ReadKey(reader, time, document);
        else if (kind == EntryWriter.DomainKey)
            entry = ReadDomainKey(reader, time, document);
        else if (kind == EntryWriter.InForce)
            entry = ReadInForce(reader, time, document);
        else if (kind == EntryWriter.TrustRoot)
            entry = ReadRoot(reader, time, document);
        else if (kind == EntryWriter.Delivery)
            entry = ReadDelivery(reader, time, document);
        else if (kind == EntryWriter.CatchUp)
            entry = ReadCatchUp(reader, time, document);
        else if (kind is EntryWriter.Change or EntryWriter.Refused)
            entry = ReadMessage(row, reader, time, document, kind == EntryWriter.Change, confidentialEnvelope);
        else
            reader.Refuse("its kind is not known");
        if (!reader.Finish(out fault))
            throw Wrong(row, fault);
        if (!EntryWriter.WriteUnbounded(entry!, version).AsSpan().SequenceEqual(row.Leaf))
            throw Wrong(row, "the leaf is not written in its one form");
        return entry!;
    }

    private static NoteEntry ReadNote(LedgerRow row, MemberReader reader, long time, JsonValue document)
    {
        reader.Object("note");
        if (!document.TryGet("note", out var json))
            throw Wrong(row, "the note is missing");
        return BootNote.TryRead(json, out var note, out var fault) ? new NoteEntry(time, note) : throw Wrong(row, fault);
    }

    private static TrustRootEntry? ReadRoot(MemberReader reader, long time, JsonValue document)
    {
        var sender = ReadPeer(reader, document);
        if (SignedRoot.TryRead(reader.Any("trust_root"), out var root, out var fault))
            return new TrustRootEntry(time, sender, root);
        reader.Refuse($"its trust root: {fault}");
        return null;
    }

    private static DeliveryEntry ReadDelivery(MemberReader reader, long time, JsonValue document)
    {
        var sender = ReadPeer(reader, document);
        var inner = Inner(reader, document, "delivery");
        var cursor = DeliveryCursor.Read(inner);
        var outcome = inner.Text("outcome", MaxKindCodePoints * 2);
        if (outcome is not (RecordedEntry.Accepted or DeliveryEntry.Duplicate) && !ErrorCodes.TryParse(outcome, out _))
            inner.Refuse("the outcome is not known");
        Finish(inner, reader);
        return new DeliveryEntry(time, sender, cursor, outcome);
    }

    private static CatchUpEntry? ReadCatchUp(MemberReader reader, long time, JsonValue document)
    {
        var sender = ReadPeer(reader, document);
        return AdoptedValue.Read(reader.Any("value"), reader) is { } value ? new CatchUpEntry(time, sender, value) : null;
    }

    private static LedgerKeyEntry? ReadKey(MemberReader reader, long time, JsonValue document)
    {
        var sender = ReadPeer(reader, document);
        if (LedgerKeyStatement.TryRead(reader.Any("statement"), out var statement, out var fault))
            return new LedgerKeyEntry(time, sender, statement);
        reader.Refuse($"its statement: {fault}");
        return null;
    }

    private static DomainKeyEntry? ReadDomainKey(MemberReader reader, long time, JsonValue document)
    {
        var sender = ReadPeer(reader, document);
        if (DomainKeyStatement.TryRead(reader.Any("statement"), out var statement, out var fault))
            return new DomainKeyEntry(time, sender, statement);
        reader.Refuse($"its statement: {fault}");
        return null;
    }

    private static InForceEntry? ReadInForce(MemberReader reader, long time, JsonValue document)
    {
        var sender = ReadPeer(reader, document);
        if (InForceStatement.TryRead(reader.Any("statement"), out var statement, out var fault))
            return new InForceEntry(time, sender, statement);
        reader.Refuse($"its statement: {fault}");
        return null;
    }

    private static RecordedEntry ReadMessage(
        LedgerRow row, MemberReader reader, long time, JsonValue document, bool isAccepted, Func<long, byte[]?>? confidentialEnvelope)
    {
        var sender = ReadPeer(reader, document);
        if (!KeyId.TryParse(reader.Hash("key_id"), out var signer))
            reader.Refuse("key_id is not a key ID");
        var schema = reader.Hash("schema");
        var decision = Inner(reader, document, "decision");
        var outcome = isAccepted ? ReadOutcome(decision) : null;
        ErrorCode? code = isAccepted ? null : ReadCode(decision);
        var reason = isAccepted ? null : decision.Text("reason", EntryWriter.MaxReasonCodePoints);
        Finish(decision, reader);

        var hash = document.TryGet("envelope_sha256", out _) ? reader.Hash("envelope_sha256") : null;
        if (hash is not null && confidentialEnvelope is null)
            return new WithheldEntry(time, sender, signer, schema, hash, outcome, code, reason);
        var raw = hash is not null ? TakeConfidential(row, hash, confidentialEnvelope!) : CutEnvelope(row, reader);
        if (!EnvelopeReader.TryRead(raw, out var envelope, out var refusal))
            throw Wrong(row, $"its envelope does not parse: {refusal.Reason}");
        if (envelope.Raw.Length != raw.Length || !IsChange(envelope.Message))
            throw Wrong(row, "its envelope is not a change");
        return new MessageEntry(time, sender, signer, schema, envelope, hash is not null, outcome, code, reason);
    }

    private static MemberReader Inner(MemberReader reader, JsonValue document, string name)
    {
        reader.Object(name);
        return new MemberReader(document.TryGet(name, out var inner) ? inner : JsonValue.Null, name);
    }

    private static void Finish(MemberReader inner, MemberReader reader)
    {
        if (!inner.Finish(out var fault))
            reader.Refuse(fault);
    }

    private static EntryPeer ReadPeer(MemberReader reader, JsonValue document)
    {
        var peer = Inner(reader, document, "peer");
        var sender = new EntryPeer(
            (uint)peer.Integer("uid", 0, uint.MaxValue),
            (uint)peer.Integer("gid", 0, uint.MaxValue),
            (int)peer.Integer("pid", int.MinValue, int.MaxValue));
        Finish(peer, reader);
        return sender;
    }

    private static ChangeOutcome ReadOutcome(MemberReader decision) =>
        new(ReadNames(decision, "applied"), ReadNames(decision, "staged"), ReadNames(decision, "unstaged"));

    private static List<string> ReadNames(MemberReader decision, string list)
    {
        var names = new List<string>();
        foreach (var name in decision.Array(list, Limits.MaxArgs))
        {
            if (name.TryGetString(out var text) && Encoding.UTF8.GetByteCount(text) <= Limits.MaxPolicyKeyNameBytes)
                names.Add(text);
            else
                decision.Refuse($"{list} holds something else than names of at most {Limits.MaxPolicyKeyNameBytes} bytes");
        }
        return names;
    }

    private static ErrorCode ReadCode(MemberReader decision)
    {
        if (!ErrorCodes.TryParse(decision.Text("code", MaxKindCodePoints * 2), out var code))
            decision.Refuse("the code is not known");
        return code;
    }

    private static byte[] CutEnvelope(LedgerRow row, MemberReader reader)
    {
        reader.Object("envelope");
        return StrictJson.TryFindMember(row.Leaf, "envelope", out var range, MaxLeafDepth)
            ? row.Leaf[range]
            : throw Wrong(row, "it has no envelope");
    }

    private static byte[] TakeConfidential(LedgerRow row, string hash, Func<long, byte[]?> confidentialEnvelope)
    {
        var raw = confidentialEnvelope(row.Index) ?? throw Wrong(row, "its confidential envelope is missing");
        return Convert.ToHexStringLower(Primitives.Sha256(raw)) == hash
            ? raw
            : throw Wrong(row, "its confidential envelope does not have the recorded hash");
    }

    private static LedgerIntegrityException Wrong(LedgerRow row, string what) => new($"Entry {row.Index} is not what was recorded: {what}.", row.Index);
}
