using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Daemon.Delivery;

/// <summary>
/// Brings one gateway the trust roots that it lacks, each after the one before, however long it was away (ATTACKS 6): a gateway that refuses one says which it has. Its
/// courier's, on the courier's task.
/// </summary>
/// <param name="gateway">Where to.</param>
/// <param name="ledger">Where the versions stand.</param>
/// <param name="recorded">Those that are recorded already.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
/// <param name="changed">Called when what is to be shown has changed.</param>
internal sealed class RootCourier(GatewayEntry gateway, LedgerStore ledger, RecordedTrust recorded, TimeProvider time, LogMessages log, Action changed)
{
    /// <summary>Until a gateway that refused for a reason that only people mend is asked again, and until one that took all is asked whether it still has it.</summary>
    public static readonly TimeSpan LongPause = TimeSpan.FromSeconds(60);

    /// <summary>A gateway that says again and again that it has less than it took leads nowhere.</summary>
    private const int MaxStepsBack = 2;

    private readonly List<long> _entries = [.. recorded.Entries];
    // What was recorded by now is in the list, or ended when the trust began anew: a courier that reads those entries again learns nothing from them.
    private readonly long _knownTo = ledger.Size;
    private (long Version, TrustRoot? Root) _read;
    private readonly Backoff _silence = new();
    private (long At, TimeSpan Pause)? _silent;
    private long? _refusedAt;
    private long? _told;

    /// <summary>The version that the gateway said it has; null while it was not asked, or said something else.</summary>
    public long? Taken { get; private set; }

    /// <summary>Why it does not take one, and what to do; null when it does.</summary>
    public string? Fault { get; private set; }

    /// <summary>The newest version of the ledger, as far as its courier has read; 0 while there is none.</summary>
    public long Newest => _entries.Count;

    /// <summary>How long to wait until it is worth asking again what it has.</summary>
    public TimeSpan Wait => Taken is not null || Fault is not null ? LongPause
        : _silent is var (at, pause) && pause - time.GetElapsedTime(at) is var left && left > TimeSpan.Zero ? left
        : Backoff.First;

    /// <summary>It is known to lack one.</summary>
    public bool IsLacking => Fault is not null || (Taken is { } taken && taken < Newest);

    /// <summary>A version stands in the ledger.</summary>
    public void Saw(long index)
    {
        if (index < _knownTo || (_entries.Count > 0 && index <= _entries[^1]))
            return;
        _entries.Add(index);
        _refusedAt = null;
    }

    /// <summary>Root had the trust begin anew: the versions before that entry are nobody's any more, and the next one is version 1.</summary>
    public void BeganAnew(long index)
    {
        if (_entries.RemoveAll(entry => entry < index) == 0)
            return;
        _read = default;
        (Fault, _told) = (null, null);
        Forget();
        changed();
    }

    /// <summary>The version that was in force when an entry was recorded.</summary>
    public long VersionAt(long index)
    {
        int place = _entries.BinarySearch(index);
        return place >= 0 ? place : ~place;
    }

    /// <summary>The trust root that was in force when an entry was recorded.</summary>
    public TrustRoot InForce(long index)
    {
        long version = VersionAt(index);
        if (_read.Root is null || _read.Version != version)
            _read = (version, version == 0 ? TrustRoot.Implicit([]) : Read(version).Root);
        return _read.Root!;
    }

    /// <summary>Whatever it said before is to be asked anew.</summary>
    public void Forget() => (Taken, _refusedAt) = (null, null);

    /// <summary>
    /// Until the gateway has a version, or has refused one: it is asked again then after a long pause, and its changes go on meanwhile, for it may believe them all the same.
    /// </summary>
    /// <param name="version">The version it is to have.</param>
    /// <param name="isPatient">
    /// Goes on while the gateway cannot be reached or cannot take it now; else that ends it, too, and so it does where that was so a moment ago: however often the ledger grows, a
    /// gateway that is down is asked with pauses.
    /// </param>
    /// <param name="send">Sends a request; null when there was no answer.</param>
    /// <param name="stop">Ends the daemon.</param>
    public async Task BringAsync(long version, bool isPatient, Func<ReadOnlyMemory<byte>, CancellationToken, Task<AnswerReader?>> send, CancellationToken stop)
    {
        if (Taken >= version || version == 0 || (_refusedAt is { } refused && time.GetElapsedTime(refused) < LongPause))
            return;
        if (!isPatient && _silent is var (at, pause) && time.GetElapsedTime(at) < pause)
            return;
        var backoff = new Backoff();
        int stepsBack = 0;
        for (long next = Taken is { } known ? known + 1 : version; ;)
        {
            AnswerReader? answer = await send(Request(next), stop).ConfigureAwait(false);
            if (answer is null || Receptions.Of(answer) == Reception.Later)
            {
                if (!isPatient)
                {
                    _silent = (time.GetTimestamp(), _silence.Next());
                    return;
                }

                await Task.Delay(backoff.Next(), time, stop).ConfigureAwait(false);
                continue;
            }

            backoff.Reset();
            _silence.Reset();
            _silent = null;
            if (answer.IsOk)
            {
                Take(next);
                if (++next > version)
                    return;
            }
            else if (Other(answer, next) is { } other && ++stepsBack <= MaxStepsBack)
            {
                next = other;
            }
            else
            {
                Refuse(answer, next);
                return;
            }
        }
    }

    /// <summary>Which version to bring instead: the one after the one that it has, or that one itself, to see that it is this ledger's.</summary>
    private long? Other(AnswerReader answer, long tried)
    {
        if (!answer.Document.TryGet("version", out var value) || !value.TryGetInteger(out long has) || has < 0)
            return null;
        return answer.Code == ErrorCodes.Name(ErrorCode.Unproven) && has < tried - 1 ? has + 1
            : answer.Code == ErrorCodes.Name(ErrorCode.Superseded) && has > tried && has <= Newest ? has
            : null;
    }

    private void Take(long version)
    {
        if (_told != version)
            log.TrustRootDelivered(gateway.Name, version);
        _told = version;
        (Taken, Fault, _refusedAt) = (version, null, null);
        changed();
    }

    private void Refuse(AnswerReader answer, long version)
    {
        string fault = Receptions.DescribeRoot(answer, version);
        if (Fault != fault)
            log.TrustRootRefused(gateway.Name, version, fault);
        (Taken, Fault, _refusedAt) = (null, fault, time.GetTimestamp());
        changed();
    }

    private SignedRoot Read(long version) => ledger.ReadEntry(_entries[(int)version - 1]) is TrustRootEntry entry
        ? entry.Root
        : throw new LedgerIntegrityException($"Entry {_entries[(int)version - 1]} is no trust root.", _entries[(int)version - 1]);

    private ReadOnlyMemory<byte> Request(long version)
    {
        var draft = new MessageDraft { Command = Commands.TrustRoot, Args = Read(version).ToJson() };
        return EnvelopeWriter.TryWriteUnsigned(draft, out Envelope? envelope, out Refusal? refusal) ? envelope.Raw : throw new InvalidOperationException(refusal.Reason);
    }
}
