using System.Text.Json;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.ControlBus.Ledger;

/// <summary>
/// Makes leaves, byte for byte as docs/formats/ledger.md says: one object, its members in one order, no space but inside the envelope,
/// which stands there as it was received.
/// </summary>
public static class EntryWriter
{
    /// <summary>The version in every leaf.</summary>
    internal const int Version = 1;

    internal const string Change = "change";
    internal const string Refused = "refusal";
    internal const string Note = "note";
    internal const string LedgerKey = "ledger-key";

    // With escapes at most 3,072 bytes: what stands beside the envelope stays below the 4,095 bytes that a leaf has more than a request.
    internal const int MaxReasonCodePoints = 256;

    /// <summary>The entry of an accepted change.</summary>
    public static NewEntry Accept(long timeSeconds, EntryPeer peer, VerifiedMessage message, PolicySchema schema, ChangeOutcome outcome) =>
        ToNewEntry(Describe(timeSeconds, peer, message, schema) with { Outcome = outcome });

    /// <summary>The entry of a change that was fresh and authorised, and refused.</summary>
    public static NewEntry Refuse(long timeSeconds, EntryPeer peer, VerifiedMessage message, PolicySchema schema, Refusal refusal) =>
        ToNewEntry(Describe(timeSeconds, peer, message, schema) with
        {
            RefusalCode = refusal.Code,
            RefusalReason = CodePoints.Take(refusal.Reason, MaxReasonCodePoints),
        });

    /// <summary>The entry of a note.</summary>
    public static NewEntry Import(long timeSeconds, BootNote note) => new(Write(new NoteEntry(timeSeconds, note)));

    /// <summary>The entry of a statement about the ledger's key.</summary>
    public static NewEntry RecordKey(long timeSeconds, EntryPeer peer, LedgerKeyStatement statement) => new(Write(new LedgerKeyEntry(timeSeconds, peer, statement)));

    /// <summary>
    /// Whether a message's envelope is kept out of the leaf: it names a confidential key, or one that the schema does not know, for that may
    /// be a confidential one misspelt.
    /// </summary>
    public static bool IsConfidential(Message message, PolicySchema schema) =>
        message.Args is { } args && args.Members.Any(member => HiddenValues.IsHidden(schema, member.Key));

    /// <summary>The leaf's bytes: at most 65,535.</summary>
    internal static byte[] Write(LedgerEntry entry)
    {
        var leaf = WriteUnbounded(entry);
        return leaf.Length <= Limits.MaxLeafBytes
            ? leaf
            : throw new InvalidOperationException($"A leaf of {leaf.Length} bytes was made; the most is {Limits.MaxLeafBytes}.");
    }

    /// <summary>The same for an entry that was read: a crafted one may need more bytes in its one form than it had.</summary>
    internal static byte[] WriteUnbounded(LedgerEntry entry) =>
        JsonText.Bytes(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("v", Version);
            json.WriteString("kind", KindOf(entry));
            json.WriteNumber("time", entry.TimeSeconds);
            if (entry is RecordedEntry message)
                WriteMessage(json, message);
            else if (entry is LedgerKeyEntry key)
                WriteKey(json, key);
            else
                WriteNote(json, (NoteEntry)entry);
            json.WriteEndObject();
        });

    private static string KindOf(LedgerEntry entry) => entry switch
    {
        NoteEntry => Note,
        LedgerKeyEntry => LedgerKey,
        RecordedEntry { IsAccepted: true } => Change,
        _ => Refused,
    };

    private static MessageEntry Describe(long timeSeconds, EntryPeer peer, VerifiedMessage message, PolicySchema schema) => new(
        timeSeconds,
        peer,
        message.Signer ?? throw new ArgumentException("Only signed messages are recorded.", nameof(message)),
        schema.Hash,
        message.Envelope,
        IsConfidential(message.Message, schema),
        null,
        null,
        null);

    private static NewEntry ToNewEntry(MessageEntry entry) =>
        new(Write(entry), ReplayKey.Of(entry.Message), entry.IsConfidential ? entry.Envelope.Raw : default(ReadOnlyMemory<byte>?));

    private static void WriteMessage(Utf8JsonWriter json, RecordedEntry entry)
    {
        WritePeer(json, entry.Peer);
        json.WriteString("key_id", entry.Signer.ToString());
        json.WriteString("schema", entry.SchemaHash);
        json.WriteStartObject("decision");
        if (entry.Outcome is { } outcome)
        {
            WriteNames(json, "applied", outcome.Applied);
            WriteNames(json, "staged", outcome.Staged);
            WriteNames(json, "unstaged", outcome.Unstaged);
        }
        else
        {
            json.WriteString("code", ErrorCodes.Name(entry.RefusalCode!.Value));
            json.WriteString("reason", entry.RefusalReason);
        }
        json.WriteEndObject();
        WriteEnvelope(json, entry);
    }

    private static void WriteEnvelope(Utf8JsonWriter json, RecordedEntry entry)
    {
        if (entry is WithheldEntry withheld)
        {
            json.WriteString("envelope_sha256", withheld.EnvelopeHash);
            return;
        }
        var message = (MessageEntry)entry;
        if (message.IsConfidential)
        {
            json.WriteString("envelope_sha256", Convert.ToHexStringLower(Primitives.Sha256(message.Envelope.Raw.Span)));
            return;
        }
        json.WritePropertyName("envelope");
        json.WriteRawValue(message.Envelope.Raw.Span, skipInputValidation: true);
    }

    private static void WriteKey(Utf8JsonWriter json, LedgerKeyEntry entry)
    {
        WritePeer(json, entry.Peer);
        json.WritePropertyName("statement");
        JsonText.Write(json, entry.Statement.ToJson());
    }

    private static void WritePeer(Utf8JsonWriter json, EntryPeer peer)
    {
        json.WriteStartObject("peer");
        json.WriteNumber("uid", peer.Uid);
        json.WriteNumber("gid", peer.Gid);
        json.WriteNumber("pid", peer.Pid);
        json.WriteEndObject();
    }

    private static void WriteNote(Utf8JsonWriter json, NoteEntry entry)
    {
        json.WritePropertyName("note");
        JsonText.Write(json, entry.Note.ToJson());
    }

    private static void WriteNames(Utf8JsonWriter json, string name, IReadOnlyList<string> names)
    {
        json.WriteStartArray(name);
        foreach (var key in names)
            json.WriteStringValue(key);
        json.WriteEndArray();
    }
}
