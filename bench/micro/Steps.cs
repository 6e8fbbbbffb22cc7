using System.Buffers;
using BenchmarkDotNet.Attributes;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Micro;

/// <summary>The steps of one change, in their order, each by itself. The appends are to a ledger on the disk below /var/tmp, and durable.</summary>
[MemoryDiagnoser]
public class Steps
{
    private const int HeldNonces = 500_000;
    private const int ReplayCapacity = 2_000_000;
    private const int BatchEntries = 64;

    /// <summary>A multiplier of full period (odd, 5 modulo 8), from L'Ecuyer's table for modulus 2^128.</summary>
    private static readonly UInt128 SpreadingFactor = new(2_549_297_995_355_413_924, 4_865_540_595_714_422_341);

    private readonly SignedChange _change = new();
    private readonly ArrayBufferWriter<byte> _canonical = new();
    private readonly ReplayStore _replay = new(null, ReplayCapacity);
    private JsonValue _message = null!;
    private UInt128 _nonce = 1;
    private NewEntry _entry = null!;
    private string _folder = "";
    private LedgerStore _ledger = null!;

    [GlobalSetup]
    public void Prepare()
    {
        if (!Parsed().TryGet("msg", out JsonValue? message))
            throw new InvalidOperationException("the change has no message");
        _message = message;
        _replay.SetNow(_change.Now, 0);
        for (int i = 0; i < HeldNonces; i++)
            if (_replay.TryAdd(Next(), i, _change.Verified.Signer!.Value, _change.Now.Now).Verdict != ReplayVerdict.Added)
                throw new InvalidOperationException("the replay memory does not hold so many");
        if (!Decided().TryGet(out ChangeOutcome? outcome, out _, out Refusal? refusal))
            throw new InvalidOperationException(refusal.Reason);
        _entry = EntryWriter.Accept(_change.Now.Now, new EntryPeer(1_000, 1_000, 1_000), _change.Verified, PolicySchema.BuiltIn, outcome);
        _folder = Directory.CreateDirectory(Path.Combine("/var/tmp", Path.GetRandomFileName()), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        _ledger = LedgerStore.Open(Path.Combine(_folder, "ledger.db"), LedgerOpenMode.ReadWrite);
    }

    [GlobalCleanup]
    public void Clear()
    {
        _ledger.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Benchmark(Description = "parse JSON")]
    public JsonValue Parsed() =>
        StrictJson.TryParse(_change.Request, out JsonValue? value, out string? fault) ? value : throw new InvalidOperationException(fault);

    [Benchmark(Description = "read envelope, with its JSON")]
    public Envelope Read() =>
        EnvelopeReader.TryRead(_change.Request, out Envelope? envelope, out Refusal? refusal) ? envelope : throw new InvalidOperationException(refusal.Reason);

    [Benchmark(Description = "canonicalise")]
    public int Canonicalised()
    {
        _canonical.ResetWrittenCount();
        CanonicalJson.Write(_message, _canonical);
        return _canonical.WrittenCount;
    }

    [Benchmark(Description = "verify")]
    public Verdict Verified() => _change.Verifier.Check(_change.Envelope, _change.Now);

    [Benchmark(Description = "replay check, 500,000 held: add, and forget again")]
    public ReplayAnswer Remembered()
    {
        Nonce nonce = Next();
        ReplayAnswer answer = _replay.TryAdd(nonce, 0, _change.Verified.Signer!.Value, _change.Now.Now);
        _replay.Forget(nonce);
        return answer;
    }

    [Benchmark(Description = "validate")]
    public PolicyDecision Decided() => PolicyRules.Decide(PolicySchema.BuiltIn, PolicyState.Empty, _change.Verified.Message, DomainScope.Authority, 0);

    [Benchmark(Description = "append a batch of 1")]
    public long AppendedOne() => Append(1);

    [Benchmark(Description = "append, each of a batch of 64", OperationsPerInvoke = BatchEntries)]
    public long AppendedMany() => Append(BatchEntries);

    /// <summary>Spread like random ones and never the same, without asking the kernel for each.</summary>
    private Nonce Next() => new(_nonce = unchecked(_nonce * SpreadingFactor));

    private long Append(int count)
    {
        var entries = new NewEntry[count];
        for (int i = 0; i < count; i++)
            entries[i] = _entry with { Key = new ReplayKey(_change.Now.Now, Next()) };
        long first = _ledger.AppendBatch(entries);
        // As the writer does, so that its share is in the figure.
        if (_ledger.PagesSinceCheckpoint >= Limits.CheckpointEveryPages)
            _ledger.Checkpoint();
        return first;
    }
}
