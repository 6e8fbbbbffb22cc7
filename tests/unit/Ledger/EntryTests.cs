using System.Security.Cryptography;
using System.Text;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;
using Xunit;

namespace Qwamos.ControlBus.Tests.Ledger;

public sealed class EntryTests
{
    private const long Time = 1_800_000_007;
    private const string KeyIdText = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private static readonly EntryPeer Peer = new(1000, 100, 4321);
    private static readonly PolicySchema Schema = PolicySchema.BuiltIn;

    [Fact]
    public void AcceptedChange_HasExactlyTheDocumentedBytes()
    {
        // The envelope as another implementation may send it: with spaces and escapes, which stay.
        var raw = Envelope("{ \"TOR_ISOLATION\": \"mand\\u0061tory\" }");
        var entry = EntryWriter.Accept(Time, Peer, Verified(raw), Schema, new ChangeOutcome(["TOR_ISOLATION"], [], []));
        Assert.Equal(
            "{\"v\":2,\"kind\":\"change\",\"key_id\":\"" + KeyIdText + "\",\"schema\":\"" + Schema.Hash
            + "\",\"decision\":{\"applied\":[\"TOR_ISOLATION\"],\"staged\":[],\"unstaged\":[]},\"peer\":{\"uid\":1000,\"gid\":100,\"pid\":"
            + "4321},\"time\":1800000007,\"envelope\":" + raw + "}",
            Encoding.UTF8.GetString(entry.Leaf.Span));
        Assert.StartsWith("4321},\"time\"", Encoding.UTF8.GetString(entry.Leaf.Span[entry.HeadBytes..]), StringComparison.Ordinal);
        Assert.Null(entry.ConfidentialEnvelope);

        var read = Assert.IsType<MessageEntry>(Read(entry));
        Assert.True(read.IsAccepted);
        Assert.Equal("accepted", read.OutcomeName);
        Assert.Equal(raw, Encoding.UTF8.GetString(read.Envelope.Raw.Span));
        Assert.Equal(Peer, read.Peer);
        Assert.Equal(KeyIdText, read.Signer.ToString());
        Assert.Equal(Time, read.TimeSeconds);
    }

    [Fact]
    public void AcceptedChangeOfAnEarlierProgram_IsReadInItsForm()
    {
        var raw = Envelope("{ \"TOR_ISOLATION\": \"mand\\u0061tory\" }");
        var leaf = Encoding.UTF8.GetBytes(
            "{\"v\":1,\"kind\":\"change\",\"time\":1800000007,\"peer\":{\"uid\":1000,\"gid\":100,\"pid\":4321},\"key_id\":\"" + KeyIdText
            + "\",\"schema\":\"" + Schema.Hash + "\",\"decision\":{\"applied\":[\"TOR_ISOLATION\"],\"staged\":[],\"unstaged\":[]},\"envelope\":"
            + raw + "}");
        Assert.Equal(1, IsReadAlike(leaf));
        Assert.IsType<MessageEntry>(EntryReader.ReadByMembers(new LedgerRow(5, leaf, []), null));
    }

    [Fact]
    public void LedgerKey_HasExactlyTheDocumentedBytes()
    {
        var system = new string('a', 32);
        using var key = SigningKey.Generate();
        var statement = LedgerKeyStatement.Sign(key, $"qwamos/{system}+0a0b0c0d+AA==", system, Time - 1);
        var entry = EntryWriter.RecordKey(Time, Peer, statement);
        Assert.Equal(
            "{\"v\":1,\"kind\":\"ledger-key\",\"time\":1800000007,\"peer\":{\"uid\":1000,\"gid\":100,\"pid\":4321},\"statement\":{\"key\":\"qwamos/" + system
            + "+0a0b0c0d+AA==\",\"system\":\"" + system + "\",\"timestamp\":1800000006,\"key_id\":\"" + key.Public.Id + "\",\"signature\":\"" + statement.Signature + "\"}}",
            Encoding.UTF8.GetString(entry.Leaf.Span));
        Assert.Equal(new LedgerKeyEntry(Time, Peer, statement), Read(entry));
    }

    [Fact]
    public void DomainKey_HasExactlyTheDocumentedBytes()
    {
        using var key = SigningKey.Generate();
        var (system, domain) = (new string('a', 32), new string('b', 64));
        foreach (var isRevoked in (bool[])[false, true])
        {
            var statement = DomainKeyStatement.Sign(key, "gw1", "gateway", domain, system, Time - 1, isRevoked);
            var entry = EntryWriter.RecordKey(Time, Peer, statement);
            Assert.Equal(
                "{\"v\":1,\"kind\":\"domain-key\",\"time\":1800000007,\"peer\":{\"uid\":1000,\"gid\":100,\"pid\":4321},\"statement\":{\"name\":\"gw1\",\"class\":\"gateway\",\"key\":\""
                + domain + "\",\"system\":\"" + system + "\",\"timestamp\":1800000006," + (isRevoked ? "\"revoked\":true," : "") + "\"key_id\":\"" + key.Public.Id + "\",\"signature\":\"" + statement.Signature + "\"}}",
                Encoding.UTF8.GetString(entry.Leaf.Span));
            Assert.Equal(new DomainKeyEntry(Time, Peer, statement), Read(entry));
        }
    }

    [Fact]
    public void RefusedChange_HasExactlyTheDocumentedBytes()
    {
        var raw = Envelope("{\"TOR_ISOLATION\":\"off\"}");
        var entry = EntryWriter.Refuse(Time, Peer, Verified(raw), Schema, new Refusal(ErrorCode.Superseded, "a \"newer\" one was taken"));
        Assert.Equal(
            "{\"v\":2,\"kind\":\"refusal\",\"key_id\":\"" + KeyIdText + "\",\"schema\":\"" + Schema.Hash
            + "\",\"decision\":{\"code\":\"superseded\",\"reason\":\"a \\\"newer\\\" one was taken\"},\"peer\":{\"uid\":1000,\"gid\":100,\"pid\":4321},\"time\":1800000007,\"envelope\":"
            + raw + "}",
            Encoding.UTF8.GetString(entry.Leaf.Span));
        // What is refused and why may be anything: no part of what many leaves have alike.
        Assert.StartsWith(",\"decision\"", Encoding.UTF8.GetString(entry.Leaf.Span[entry.HeadBytes..]), StringComparison.Ordinal);
        var read = Assert.IsType<MessageEntry>(Read(entry));
        Assert.False(read.IsAccepted);
        Assert.Equal("superseded", read.OutcomeName);
        Assert.Equal("a \"newer\" one was taken", read.RefusalReason);
    }

    [Theory]
    [InlineData("{\"DURESS.gesture\":\"triple-power\"}")]
    [InlineData("{\"DURESS.gestur\":\"triple-power\"}")]
    [InlineData("{\"TOR_ISOLATION\":\"off\",\"GHOST.trigger\":\"triple-power\"}")]
    public void Attack40_ConfidentialChange_LeavesOnlyItsHashInTheLeaf(string args)
    {
        var raw = Envelope(args);
        var entry = EntryWriter.Refuse(Time, Peer, Verified(raw), Schema, new Refusal(ErrorCode.InvalidPolicy, "no"));
        var leaf = Encoding.UTF8.GetString(entry.Leaf.Span);
        Assert.DoesNotContain("triple", leaf, StringComparison.Ordinal);
        Assert.EndsWith(
            ",\"envelope_sha256\":\"" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(raw))) + "\"}", leaf, StringComparison.Ordinal);
        var read = Assert.IsType<MessageEntry>(Read(entry));
        Assert.True(read.IsConfidential);
        Assert.Equal(raw, Encoding.UTF8.GetString(read.Envelope.Raw.Span));
    }

    [Fact]
    public void LongestRequest_FitsALeaf_WithTheLongestReasonAndTheMostKeys()
    {
        var raw = Envelope("{\"TOR_ISOLATION\":\"" + new string('x', Limits.MaxRequestBytes - 300) + "\"}");
        raw = raw.Insert(raw.Length - 1, new string(' ', Limits.MaxRequestBytes - raw.Length));
        var reason = string.Concat(Enumerable.Repeat("\U0001F600", 5000));
        var refused = EntryWriter.Refuse(long.MaxValue / 2048, new EntryPeer(uint.MaxValue, uint.MaxValue, int.MinValue), Verified(raw), Schema,
            new Refusal(ErrorCode.ReplayStoreFull, reason));
        Assert.InRange(refused.Leaf.Length, Limits.MaxRequestBytes, Limits.MaxLeafBytes);
        Assert.IsType<MessageEntry>(Read(refused));
        var names = Enumerable.Range(0, Limits.MaxArgs).Select(i => $"{i:00}".PadRight(Limits.MaxPolicyKeyNameBytes, 'k')).ToList();
        var accepted = EntryWriter.Accept(Time, Peer, Verified(raw), Schema, new ChangeOutcome([], names, []));
        Assert.InRange(accepted.Leaf.Length, Limits.MaxRequestBytes, Limits.MaxLeafBytes);
        Assert.IsType<MessageEntry>(Read(accepted));
    }

    [Fact]
    public void NoteEntry_HasExactlyTheDocumentedBytes()
    {
        var note = BootNote.Applied(3, Time - 5, [new BootResult("KERNEL_HARDENING", 12, BootResult.InForceAfterReboot, "x")]);
        var entry = EntryWriter.Import(Time, note);
        Assert.Equal(
            "{\"v\":1,\"kind\":\"note\",\"time\":1800000007,\"note\":{\"format\":1,\"seq\":3,\"kind\":\"applied\",\"time\":1800000002,\"results\":["
            + "{\"key\":\"KERNEL_HARDENING\",\"index\":12,\"result\":\"in force after one more reboot\",\"detail\":\"x\"}]}}",
            Encoding.UTF8.GetString(entry.Leaf.Span));
        Assert.Null(entry.Key);
        Assert.Equal(note.ToJson(), Assert.IsType<NoteEntry>(Read(entry)).Note.ToJson());
    }

    [Theory]
    [InlineData("\"v\":2", "\"v\":1")]
    [InlineData("\"v\":2", "\"v\":3")]
    [InlineData("\"v\":2", "\"v\":0")]
    [InlineData("\"kind\":\"change\"", "\"kind\":\"refusal\"")]
    [InlineData("\"kind\":\"change\"", "\"kind\":\"chance\"")]
    [InlineData("\"kind\":\"change\",", "\"kind\":\"change\", ")]
    [InlineData("\"pid\":4321},\"time\":1800000007", "\"time\":1800000007,\"pid\":4321}")]
    [InlineData("{\"v\":2,\"kind\":\"change\"", "{\"kind\":\"change\",\"v\":2")]
    [InlineData("\"time\":1800000007", "\"time\":-1")]
    [InlineData("\"time\":1800000007", "\"time\":1800000007,\"time\":1800000007")]
    [InlineData("\"uid\":1000", "\"uid\":4294967296")]
    [InlineData("\"peer\":{", "\"peer\":{\"x\":1,")]
    [InlineData("\"key_id\":\"0011", "\"key_id\":\"0G11")]
    [InlineData("[\"TOR_ISOLATION\"]", "[1]")]
    [InlineData("\"unstaged\":[]", "\"unstaged\":[],\"more\":[]")]
    [InlineData("\"envelope\":", "\"envelop\":")]
    [InlineData("\"command\":\"set_policy\"", "\"command\":\"set_policy\",\"command\":\"set_policy\"")]
    [InlineData("\"signature\":", "\"signatur\":")]
    public void Attack30_ALeafInAnyOtherForm_IsNotRead(string from, string to)
    {
        var entry = EntryWriter.Accept(Time, Peer, Verified(Envelope("{\"TOR_ISOLATION\":\"off\"}")), Schema, new ChangeOutcome(["TOR_ISOLATION"], [], []));
        var text = Encoding.UTF8.GetString(entry.Leaf.Span);
        Assert.Contains(from, text, StringComparison.Ordinal);
        var changed = entry with { Leaf = Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal)) };
        var refusal = Assert.Throws<LedgerIntegrityException>(() => Read(changed));
        Assert.Equal(5, refusal.Index);
    }

    [Theory]
    [InlineData('k', 49)]
    [InlineData('<', 48)]
    [InlineData('\u007f', 48)]
    [InlineData('\u00e9', 24)]
    [InlineData('\u2028', 16)]
    [InlineData('\u202e', 16)]
    public void Attack30_ALeafOfLongNamesOrThatGrowsWhenItIsWrittenAgain_IsNotRead(char letter, int letters)
    {
        const int EnvelopeBytes = 55_000;
        var raw = Envelope("{\"TOR_ISOLATION\":\"off\"}");
        raw = raw.Insert(raw.Length - 1, new string(' ', EnvelopeBytes - raw.Length));
        var entry = EntryWriter.Accept(Time, Peer, Verified(raw), Schema, new ChangeOutcome(["TOR_ISOLATION"], [], []));
        var name = "\"" + new string(letter, letters) + "\"";
        var names = "[" + string.Join(',', Enumerable.Repeat(name, Limits.MaxArgs)) + "]";
        var text = Encoding.UTF8.GetString(entry.Leaf.Span)
            .Replace("[\"TOR_ISOLATION\"],\"staged\":[],\"unstaged\":[]", $"{names},\"staged\":{names}  ,\"unstaged\":{names}", StringComparison.Ordinal);
        var refusal = Assert.Throws<LedgerIntegrityException>(() => Read(entry with { Leaf = Encoding.UTF8.GetBytes(text) }));
        Assert.Equal(5, refusal.Index);
    }

    [Theory]
    [InlineData("\"time\":1800000007", "\"time\":01800000007")]
    [InlineData("\"time\":1800000007", "\"time\":+1800000007")]
    [InlineData("\"time\":1800000007", "\"time\":9007199254740992")]
    [InlineData("\"time\":1800000007", "\"time\":99999999999999999999")]
    [InlineData("\"time\":1800000007", "\"time\":1800000007.0")]
    [InlineData("\"uid\":1000", "\"uid\":-0")]
    [InlineData("\"uid\":1000", "\"uid\":")]
    [InlineData("\"pid\":4321", "\"pid\":2147483648")]
    [InlineData("\"TOR_ISOLATION\"]", "\"TOR_ISOLATION\",]")]
    [InlineData("\"TOR_ISOLATION\"]", "\"TOR\\u005fISOLATION\"]")]
    [InlineData("\"unstaged\":[]}", "\"unstaged\":[]},\"envelope_sha256\":\"\"")]
    [InlineData("\"v\":2", "\"v\":1")]
    [InlineData("}}", "}} ")]
    [InlineData("\"envelope\":{", "\"envelope\": {")]
    [InlineData("\"msg\":{", "\"ms\":{")]
    [InlineData("set_policy", "get_status")]
    public void ALeafInAnotherForm_IsNotReadInOnePassEither(string from, string to)
    {
        var entry = EntryWriter.Accept(Time, Peer, Verified(Envelope("{\"TOR_ISOLATION\":\"off\"}")), Schema, new ChangeOutcome(["TOR_ISOLATION"], [], []));
        Assert.True(ChangeLeaf.TryRead(entry.Leaf.ToArray(), out _));
        var text = Encoding.UTF8.GetString(entry.Leaf.Span) + (from == "}}" ? "}}" : "");
        Assert.Contains(from, text, StringComparison.Ordinal);
        var leaf = Encoding.UTF8.GetBytes(text.Replace(from, to, StringComparison.Ordinal));
        Assert.False(ChangeLeaf.TryRead(leaf, out _));
        Assert.Throws<LedgerIntegrityException>(() => EntryReader.ReadByMembers(new LedgerRow(5, leaf, []), null));
    }

    [Fact]
    public void ANoteOrStatementOfTheSecondVersion_IsNotRead()
    {
        var entry = EntryWriter.Import(Time, BootNote.TimeFloor(1, Time, Time));
        var leaf = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(entry.Leaf.Span).Replace("\"v\":1", "\"v\":2", StringComparison.Ordinal));
        Assert.Throws<LedgerIntegrityException>(() => Read(entry with { Leaf = leaf }));
    }

    [Theory]
    [InlineData("{\"TOR_ISOLATION\":\"off\"}", "TOR_ISOLATION")]
    [InlineData("{ \"a\":\"\u00e9\\u0041\", \"b\":[1,{\"c\":true}] }", "a", "b")]
    [InlineData("{\"x\":1}")]
    [InlineData("{\"quote\\\"\":1}", "quote\"")]
    [InlineData("{\"b\\\\\":1}", "b\\")]
    [InlineData("{\"x\":1}", "\u007f")]
    public void Attack30_ALeafWithAnyByteChanged_IsReadInOnePassAsByItsMembersOrNotAtAll(string args, params string[] applied)
    {
        var entry = new MessageEntry(Time, Peer, Id(), Schema.Hash, Enveloped(Envelope(args)), false, new ChangeOutcome(applied, [], applied), null, null);
        foreach (var leaf in (byte[][])[EntryWriter.WriteUnbounded(entry, 1), EntryWriter.WriteUnbounded(entry, 2)])
            ReadWithAnyByteChanged(leaf, applied);
    }

    private static void ReadWithAnyByteChanged(byte[] leaf, string[] applied)
    {
        var random = new Random(30);
        var read = 0;
        for (var at = 0; at < leaf.Length; at++)
        {
            foreach (var other in (byte[])[(byte)random.Next(256), (byte)"0129 af\"\\{}[],:-.e"[random.Next(18)], (byte)(leaf[at] ^ 0x20)])
            {
                var changed = (byte[])leaf.Clone();
                changed[at] = other;
                read += IsReadAlike(changed) + IsReadAlike([.. leaf[..at], other, .. leaf[at..]]) + IsReadAlike([.. leaf[..at], .. leaf[(at + 1)..]]);
            }
        }
        // Digits and hashes may be others; so the comparison was made.
        Assert.InRange(read, applied.Any(name => name.AsSpan().ContainsAny("\"\\\u007f")) ? 0 : 1, leaf.Length * 9);
    }

    private static int IsReadAlike(byte[] leaf)
    {
        if (!ChangeLeaf.TryRead(leaf, out var read))
            return 0;
        var expected = Assert.IsType<MessageEntry>(EntryReader.ReadByMembers(new LedgerRow(5, leaf, []), null));
        Assert.Equal(leaf, EntryWriter.WriteUnbounded(read, leaf.AsSpan().StartsWith("{\"v\":1"u8) ? 1 : 2));
        Assert.Equal(expected.Envelope.Raw.ToArray(), read.Envelope.Raw.ToArray());
        Assert.Equal(expected.Message.Canonical.ToArray(), read.Message.Canonical.ToArray());
        Assert.Equal(
            (expected.TimeSeconds, expected.Peer, expected.Signer, expected.SchemaHash, expected.IsConfidential, expected.OutcomeName),
            (read.TimeSeconds, read.Peer, read.Signer, read.SchemaHash, read.IsConfidential, read.OutcomeName));
        Assert.Equal(expected.Outcome!.Applied, read.Outcome!.Applied);
        Assert.Equal(expected.Outcome.Staged, read.Outcome.Staged);
        Assert.Equal(expected.Outcome.Unstaged, read.Outcome.Unstaged);
        return 1;
    }

    private static LedgerEntry Read(NewEntry entry) => EntryReader.Read(
        new LedgerRow(5, entry.Leaf.ToArray(), MerkleTree.LeafHash(entry.Leaf.Span)), _ => entry.ConfidentialEnvelope?.ToArray());

    private static string Envelope(string args) =>
        "{\"msg\":{\"command\":\"set_policy\",\"args\":" + args + ",\"nonce\":\"AAECAwQFBgcICQoLDA0ODw==\",\"timestamp\":1800000000},\"signature\":\""
        + Convert.ToBase64String(new byte[64]) + "\"}";

    private static VerifiedMessage Verified(string raw) => new(Enveloped(raw), [Id()], 0);

    private static Envelope Enveloped(string raw)
    {
        Assert.True(EnvelopeReader.TryRead(Encoding.UTF8.GetBytes(raw), out var envelope, out var refusal), refusal?.Reason);
        return envelope;
    }

    private static KeyId Id()
    {
        Assert.True(KeyId.TryParse(KeyIdText, out var signer));
        return signer;
    }
}
