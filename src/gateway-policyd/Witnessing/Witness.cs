using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Gateway.Witnessing;

/// <summary>
/// Vouches for the ledger's growing only: keeps the last checkpoint, demands that the next one extends it, and cosigns that. Whatever it vouches
/// for is durable first. Thread-safe; one checkpoint at a time.
/// </summary>
internal sealed class Witness : IDisposable
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _turn = new();
    private readonly string _file;
    private readonly string _origin;
    private readonly CosignatureSigner _signer;
    private readonly TimeProvider _time;
    private volatile WitnessMemory? _memory;

    private Witness(string file, string origin, CosignatureSigner signer, WitnessMemory? memory, Evidence evidence, TimeProvider time)
    {
        _file = file;
        _origin = origin;
        _signer = signer;
        _memory = memory;
        Evidence = evidence;
        _time = time;
    }

    /// <summary>What an auditor is given.</summary>
    public CosignatureKey Key => _signer.Key;

    /// <summary>What is remembered; null before the first checkpoint or statement.</summary>
    public WitnessMemory? Memory => _memory;

    public Evidence Evidence { get; }

    /// <summary>Opens key and memory, and makes the key at the first start. The caller holds the daemon's lock.</summary>
    /// <exception cref="IOException">A file could not be read or written.</exception>
    public static bool TryOpen(
        SystemPaths paths, VerifyingKey anchor, string systemId, string gateway, TimeProvider time, LogMessages log,
        [NotNullWhen(true)] out Witness? witness, [NotNullWhen(false)] out string? fault)
    {
        witness = null;
        if (!WitnessKeyFile.TryLoadOrCreate(paths, systemId, gateway, out CosignatureSigner? signer, out fault))
            return false;
        if (Posix.TryStat(paths.GatewayEvidenceDir, out _))
            DurableFile.RemoveLeftovers(paths.GatewayEvidenceDir);
        var evidence = new Evidence(paths, time, log);
        if (signer.Key.Public.Id == anchor.Id)
            fault = $"{SafeText.ForTerminal(paths.GatewayWitnessKeyFile)} is the operator's key, which must not be here; move it away and start again: the witness makes its own";
        else if (TryLoad(paths, anchor, signer, Checkpoint.OriginOf(systemId), evidence, out WitnessMemory? memory, out fault))
            witness = new Witness(paths.GatewayWitnessFile, Checkpoint.OriginOf(systemId), signer, memory, evidence, time);
        if (witness is null)
            signer.Dispose();
        return witness is not null;
    }

    /// <summary>Takes a checkpoint that extends the last one, or is it, and vouches for it; or says why not, and keeps the evidence.</summary>
    public bool TryTake(CheckpointOffer offer, [NotNullWhen(true)] out WitnessMemory? memory, [NotNullWhen(false)] out Refusal? refusal)
    {
        memory = null;
        if (!OfferedCheckpoint.TryRead(offer, out OfferedCheckpoint? offered, out string? fault))
        {
            refusal = new Refusal(ErrorCode.BadRequest, fault);
            return false;
        }

        lock (_turn)
        {
            refusal = TrustRefusal(offer, offered) ?? SignatureRefusal(offered, out SignedNote? note, out long? signedSeconds) ?? Take(offer, offered, note!, signedSeconds);
            memory = refusal is null ? _memory : null;
        }

        return memory is not null;
    }

    /// <summary>
    /// Takes an operator's word, verified already, for which key is the ledger's. When that is another key than the one so far, the memory
    /// starts anew: that is the operator's own decision.
    /// </summary>
    public bool TryTrust(LedgerKeyStatement statement, [NotNullWhen(true)] out WitnessMemory? memory, [NotNullWhen(false)] out Refusal? refusal)
    {
        memory = null;
        refusal = null;
        if (!NoteVerifierKey.TryParse(statement.Key, out NoteVerifierKey? key, out string? fault))
        {
            refusal = new Refusal(ErrorCode.BadRequest, fault);
            return false;
        }

        lock (_turn)
        {
            if (_memory?.Statement != statement)
                refusal = Trust(statement, key);
            memory = refusal is null ? _memory : null;
        }

        return memory is not null;
    }

    public void Dispose() => _signer.Dispose();

    private static bool TryLoad(
        SystemPaths paths, VerifyingKey anchor, CosignatureSigner signer, string origin, Evidence evidence, out WitnessMemory? memory, [NotNullWhen(false)] out string? fault)
    {
        memory = null;
        fault = null;
        string path = paths.GatewayWitnessFile;
        if (!Posix.TryStat(path, out _))
            return true;
        if (!SafePath.TryCheckTrusted(path, paths, PathRules.OwnFile, out fault))
            return false;
        if (!WitnessMemory.TryRead(DurableFile.ReadAllBounded(path, Limits.MaxWitnessFileBytes), anchor, signer, out memory, out fault))
        {
            fault = $"{SafeText.ForTerminal(path)}: {fault}; put a backup of it back, or let the witness start anew: mv {SafePath.Quote(path)} {SafePath.Quote(path + ".old")}";
            return false;
        }

        if (memory.Key.Name == origin)
            return true;
        // Root gave this machine another system's ID: what was seen is of a ledger that is none of this one's any more.
        evidence.Keep(EvidenceKind.Replaced, $"the system's ID was replaced: this was seen of {memory.Key.Name}", memory, null, Identity(memory));
        memory = null;
        return true;
    }

    private Refusal? TrustRefusal(CheckpointOffer offer, OfferedCheckpoint offered)
    {
        if (offered.Checkpoint.Origin != _origin)
            return new Refusal(ErrorCode.WrongSystem, "the checkpoint is of another system's ledger");
        if (_memory is not { } memory || memory.Key.ToString() == offered.Key.ToString())
            return null;
        var refusal = new Refusal(ErrorCode.UnknownKey, $"the checkpoint's key is not the ledger's, which is {memory.Key} ({memory.Trust})");
        // What its own key did not sign could have been written by anybody, and shows nothing.
        if (offered.TryVerify(out SignedNote? note, out _, out _))
            Evidence.Keep(EvidenceKind.UnknownKey, refusal.Reason, memory, offer, $"{offer.Key}\n{note.Text}");
        return refusal;
    }

    private static Refusal? SignatureRefusal(OfferedCheckpoint offered, out SignedNote? note, out long? signedSeconds) =>
        offered.TryVerify(out note, out signedSeconds, out string? fault) ? null : new Refusal(ErrorCode.BadSignature, $"the checkpoint is not to be believed: {fault}");

    private Refusal? Take(CheckpointOffer offer, OfferedCheckpoint offered, SignedNote note, long? signedSeconds)
    {
        SeenCheckpoint? last = _memory?.Seen;
        if (SeenCheckpoint.Judge(last, offered.Checkpoint, offer.Old, offer.Proof) is { } refusal)
        {
            if (refusal.Code == ErrorCode.Fork)
                Evidence.Keep(EvidenceKind.Fork, refusal.Reason, _memory, offer, $"{offer.Key}\n{last!.Note.Text}\n{note.Text}");
            return refusal;
        }

        // The same tree again and no newer word of the ledger's: what was said of it stands, and nothing is written for it.
        if (last is not null && last.Checkpoint.Size == offered.Checkpoint.Size && (signedSeconds ?? -1) <= (last.SignedSeconds ?? -1))
            return null;
        long now = Math.Max(0, _time.GetUtcNow().ToUnixTimeSeconds());
        var seen = new SeenCheckpoint(offered.Checkpoint, note, signedSeconds, now, _signer.Cosign(offered.Checkpoint, now));
        return Keep(new WitnessMemory(offered.Key, _memory?.Statement, seen));
    }

    private Refusal? Trust(LedgerKeyStatement statement, NoteVerifierKey key)
    {
        if (_memory?.Statement is { } known && known.TimestampSeconds >= statement.TimestampSeconds)
            return new Refusal(ErrorCode.Superseded, "a statement as new as this one or newer was received");
        bool isSame = _memory?.Key.ToString() == statement.Key;
        if (!isSame && _memory is { } memory)
            Evidence.Keep(EvidenceKind.Replaced, $"the operator named another ledger's key, {statement.Key}", memory, null, Identity(memory));
        return Keep(new WitnessMemory(key, statement, isSame ? _memory!.Seen : null));
    }

    private Refusal? Keep(WitnessMemory next)
    {
        try
        {
            DurableFile.Replace(_file, next.Write(), FileMode);
            _memory = next;
            return null;
        }
        catch (IOException e)
        {
            return e is PosixException { IsFull: true }
                ? new Refusal(ErrorCode.StorageFull, "the disk is full: the witness remembers what it did before")
                : new Refusal(ErrorCode.StorageError, $"the witness's memory cannot be written: {e.Message}");
        }
    }

    private static string Identity(WitnessMemory memory) => $"{memory.Key}\n{memory.Seen?.Note.Text}";
}
