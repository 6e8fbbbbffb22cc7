using System.Text.Json;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// Makes leaves, byte for byte as docs/formats/ledger.md says: one object, its members in one order, no space but inside the envelope,
/// which stands there as it was received.
/// </summary>
public static class EntryWriter
{
    /// <summary>The version in the leaves of notes and statements, and in those of messages that earlier programs recorded.</summary>
    internal const int FirstVersion = 1;

    /// <summary>The version in a message's leaf: what many have alike stands first.</summary>
    internal const int MessageVersion = 2;

    internal const string Change = "change";
    internal const string Refused = "refusal";
    internal const string Note = "note";
    internal const string LedgerKey = "ledger-key";
    internal const string DomainKey = "domain-key";
    internal const string InForce = "in-force";
    internal const string TrustRoot = "trust-root";
    internal const string Delivery = "delivery";
    internal const string CatchUp = "catch_up";

    // With escapes at most 3,072 bytes: what stands beside the envelope stays below the 4,095 bytes that a leaf has more than a request.
    internal const int MaxReasonCodePoints = 256;

    /// <summary>The entry of an accepted change.</summary>
    public static NewEntry Accept(long timeSeconds, EntryPeer peer, VerifiedMessage message, PolicySchema schema, ChangeOutcome outcome) =>
        ToNewEntry(Describe(timeSeconds, peer, message, schema, outcome, null, null));

    /// <summary>The entry of a change that was fresh and authorised, and refused.</summary>
    public static NewEntry Refuse(long timeSeconds, EntryPeer peer, VerifiedMessage message, PolicySchema schema, Refusal refusal) =>
        ToNewEntry(Describe(timeSeconds, peer, message, schema, null, refusal.Code, CodePoints.Take(refusal.Reason, MaxReasonCodePoints)));

    /// <summary>The entry of a note.</summary>
    public static NewEntry Import(long timeSeconds, BootNote note) => new(Write(new NoteEntry(timeSeconds, note)));

    /// <summary>The entry of a statement about the ledger's key.</summary>
    public static NewEntry RecordKey(long timeSeconds, EntryPeer peer, LedgerKeyStatement statement) => new(Write(new LedgerKeyEntry(timeSeconds, peer, statement)));

    /// <summary>The entry of a statement about a domain's key.</summary>
    public static NewEntry RecordKey(long timeSeconds, EntryPeer peer, DomainKeyStatement statement) => new(Write(new DomainKeyEntry(timeSeconds, peer, statement)));

    /// <summary>The entry of a domain's word about a change.</summary>
    public static NewEntry RecordInForce(long timeSeconds, EntryPeer peer, InForceStatement statement) => new(Write(new InForceEntry(timeSeconds, peer, statement)));

    /// <summary>The entry of a version of the trust root.</summary>
    public static NewEntry RecordRoot(long timeSeconds, EntryPeer peer, SignedRoot root) => new(Write(new TrustRootEntry(timeSeconds, peer, root)));

    /// <summary>The entry of a delivery that a domain took.</summary>
    public static NewEntry RecordDelivery(long timeSeconds, EntryPeer peer, DeliveryCursor cursor, string outcome) =>
        new(Write(new DeliveryEntry(timeSeconds, peer, cursor, outcome)));

    /// <summary>The entry of a value that a domain takes over with the change that is recorded next.</summary>
    public static NewEntry RecordCatchUp(long timeSeconds, EntryPeer peer, AdoptedValue value) => new(Write(new CatchUpEntry(timeSeconds, peer, value)));

    /// <summary>
    /// Whether a message's envelope is kept out of the leaf: it names a confidential key, or one that the schema does not know, for that may
    /// be a confidential one misspelt.
    /// </summary>
    public static bool IsConfidential(Message message, PolicySchema schema)
    {
        if (message.Args is not { } args)
            return false;
        foreach (var (name, _) in args.Members)
        {
            if (HiddenValues.IsHidden(schema, name))
                return true;
        }
        return false;
    }

    /// <summary>The leaf's bytes: at most 65,535.</summary>
    internal static byte[] Write(LedgerEntry entry) => Write(entry, MessageVersion, out _);

    /// <summary>The same for an entry that was read, a message in the form of its version: a crafted one may need more bytes in its one form than it had.</summary>
    internal static byte[] WriteUnbounded(LedgerEntry entry, int version) => WriteUnbounded(entry, version, out _);

    private static byte[] Write(LedgerEntry entry, int version, out int headBytes)
    {
        var leaf = WriteUnbounded(entry, version, out headBytes);
        return leaf.Length <= Limits.MaxLeafBytes
            ? leaf
            : throw new InvalidOperationException($"A leaf of {leaf.Length} bytes was made; the most is {Limits.MaxLeafBytes}.");
    }

    private static byte[] WriteUnbounded(LedgerEntry entry, int version, out int headBytes)
    {
        headBytes = 0;
        return entry is RecordedEntry message ? MessageLeaf.Write(message, version, out headBytes) : JsonText.Bytes(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("v", FirstVersion);
            json.WriteString("kind", entry switch
            {
                LedgerKeyEntry => LedgerKey,
                DomainKeyEntry => DomainKey,
                InForceEntry => InForce,
                TrustRootEntry => TrustRoot,
                DeliveryEntry => Delivery,
                CatchUpEntry => CatchUp,
                _ => Note,
            });
            json.WriteNumber("time", entry.TimeSeconds);
            if (entry is LedgerKeyEntry key)
                WriteSent(json, key.Peer, "statement", key.Statement.ToJson());
            else if (entry is DomainKeyEntry domain)
                WriteSent(json, domain.Peer, "statement", domain.Statement.ToJson());
            else if (entry is InForceEntry inForce)
                WriteSent(json, inForce.Peer, "statement", inForce.Statement.ToJson());
            else if (entry is TrustRootEntry root)
                WriteSent(json, root.Peer, "trust_root", root.Root.ToJson());
            else if (entry is DeliveryEntry delivery)
                WriteSent(json, delivery.Peer, "delivery", JsonValue.Object([.. delivery.Cursor.Members(), ("outcome", JsonValue.Of(delivery.Outcome))]));
            else if (entry is CatchUpEntry caughtUp)
                WriteSent(json, caughtUp.Peer, "value", caughtUp.Value.ToJson());
            else
                WriteNote(json, (NoteEntry)entry);
            json.WriteEndObject();
        });
    }

    private static MessageEntry Describe(
        long timeSeconds, EntryPeer peer, VerifiedMessage message, PolicySchema schema, ChangeOutcome? outcome, ErrorCode? code, string? reason) => new(
        timeSeconds,
        peer,
        message.Signer ?? throw new ArgumentException("Only signed messages are recorded.", nameof(message)),
        schema.Hash,
        message.Envelope,
        IsConfidential(message.Message, schema),
        outcome,
        code,
        reason);

    private static NewEntry ToNewEntry(MessageEntry entry)
    {
        var leaf = Write(entry, MessageVersion, out var headBytes);
        return new NewEntry(leaf, ReplayKey.Of(entry.Message), entry.IsConfidential ? entry.Envelope.Raw : default(ReadOnlyMemory<byte>?), headBytes);
    }

    private static void WriteSent(Utf8JsonWriter json, EntryPeer peer, string name, JsonValue value)
    {
        json.WriteStartObject("peer");
        json.WriteNumber("uid", peer.Uid);
        json.WriteNumber("gid", peer.Gid);
        json.WriteNumber("pid", peer.Pid);
        json.WriteEndObject();
        json.WritePropertyName(name);
        JsonText.Write(json, value);
    }

    private static void WriteNote(Utf8JsonWriter json, NoteEntry entry)
    {
        json.WritePropertyName("note");
        JsonText.Write(json, entry.Note.ToJson());
    }
}
