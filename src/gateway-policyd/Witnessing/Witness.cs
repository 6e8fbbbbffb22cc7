using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Gateway.Witnessing;

/// <summary>
/// Vouches for the ledger's growing only: keeps the last checkpoint, demands that the next one extends it, and cosigns that once an operator has
/// said whose key signed it. Whatever it vouches for is durable first. One key of its own vouches for one ledger's key only. Thread-safe; one
/// checkpoint at a time.
/// </summary>
internal sealed class Witness : IDisposable
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _turn = new();
    private readonly SystemPaths _paths;
    private readonly string _systemId;
    private readonly string _gateway;
    private readonly TimeProvider _time;
    private readonly LogMessages _log;
    private volatile CosignatureSigner _signer;
    private volatile WitnessMemory? _memory;

    private Witness(SystemPaths paths, string systemId, string gateway, CosignatureSigner signer, TimeProvider time, LogMessages log)
    {
        _paths = paths;
        _systemId = systemId;
        _gateway = gateway;
        _signer = signer;
        _time = time;
        _log = log;
        Evidence = new Evidence(paths, time, log);
    }

    /// <summary>What an auditor is given.</summary>
    public CosignatureKey Key => _signer.Key;

    /// <summary>What is remembered; null before the first checkpoint or statement.</summary>
    public WitnessMemory? Memory => _memory;

    public Evidence Evidence { get; }

    /// <summary>Opens key and memory, and makes the key at the first start. The caller holds the daemon's lock.</summary>
    /// <param name="roots">Whose word for a ledger's key was, and is, believed.</param>
    /// <exception cref="IOException">A file could not be read or written.</exception>
    public static bool TryOpen(
        SystemPaths paths, RootHistory roots, string systemId, string gateway, TimeProvider time, LogMessages log,
        [NotNullWhen(true)] out Witness? witness, [NotNullWhen(false)] out string? fault)
    {
        witness = null;
        if (!WitnessKeyFile.TryLoadOrCreate(paths, systemId, gateway, out CosignatureSigner? signer, out fault))
            return false;
        var opened = new Witness(paths, systemId, gateway, signer, time, log);
        try
        {
            if (!Posix.IsAbsent(paths.GatewayEvidenceDir))
                DurableFile.RemoveLeftovers(paths.GatewayEvidenceDir);
            if (roots.FindKey(signer.Key.Public.Id) is not null)
                fault = $"{SafeText.ForTerminal(paths.GatewayWitnessKeyFile)} is the operator's key, which must not be here; move it away and start again: the witness makes its own";
            else if (opened.TryLoad(roots, out fault))
                witness = opened;
        }
        finally
        {
            if (witness is null)
                opened.Dispose();
        }

        return witness is not null;
    }

    /// <summary>
    /// Takes a checkpoint that extends the last one, or is it, and vouches for it where the ledger's key is an operator's word; or says why not,
    /// and keeps the evidence.
    /// </summary>
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
            refusal = TrustRefusal(offer, offered) ?? SignatureRefusal(offered, out SignedNote? note, out long signedSeconds) ?? Take(offer, offered, note!, signedSeconds);
            memory = refusal is null ? _memory : null;
        }

        return memory is not null;
    }

    /// <summary>
    /// Takes an operator's word, verified already, for which key is the ledger's. When that is another key than the one so far, the memory
    /// starts anew, and with it the witness's own key: that is the operator's own decision.
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

    /// <summary>
    /// A trust root came into force: the word of a key that it revokes is nobody's any more, and nothing is vouched for until another is given. Why that could not be
    /// kept on disk, or null; the next start finds it out again.
    /// </summary>
    public string? Disown(TrustRoot root)
    {
        lock (_turn)
        {
            if (_memory is not { Statement: { } statement } memory || root.RevocationOf(statement.Signer) is null)
                return null;
            _memory = memory.WithoutStatement();
            return Keep(_memory)?.Reason;
        }
    }

    /// <summary>Root's `set-time-floor`: <see cref="WitnessMemory.WithTimeFloor"/>, durably. Why it could not be done, or null.</summary>
    public string? LowerTo(long seconds)
    {
        lock (_turn)
            return _memory is { } memory && Keep(memory.WithTimeFloor(seconds)) is { } refusal ? refusal.Reason : null;
    }

    public void Dispose() => _signer.Dispose();

    private bool TryLoad(RootHistory roots, [NotNullWhen(false)] out string? fault)
    {
        fault = null;
        string path = _paths.GatewayWitnessFile;
        if (Posix.IsAbsent(path))
            return true;
        if (!SafePath.TryCheckTrusted(path, _paths, PathRules.OwnFile, out fault))
            return false;
        WitnessMemory? memory;
        try
        {
            if (!WitnessMemory.TryRead(DurableFile.ReadAllBounded(path, Limits.MaxWitnessFileBytes), roots, _signer, out memory, out fault))
            {
                // Its key, too: it must not vouch for a history that it cannot compare with the one it vouched for.
                fault = $"{SafeText.ForTerminal(path)}: {fault}; put a backup of it back, or let the witness start anew with a new key: {MoveAway(path)} && {MoveAway(_paths.GatewayWitnessKeyFile)}";
                return false;
            }
        }
        catch (IOException e)
        {
            fault = $"{e.Message}; {DurableFile.MendOfReading(e, path)}";
            return false;
        }

        if (memory.Key.Name == Origin)
        {
            _memory = memory;
            return true;
        }

        // Root gave this machine another system's ID: what was seen is of a ledger that is none of this one's any more.
        Evidence.Keep(EvidenceKind.Replaced, $"the system's ID was replaced: this was seen of {memory.Key.Name}", memory, null, Identity(memory));
        RenewKey(Origin);
        return true;
    }

    private string Origin => Checkpoint.OriginOf(_systemId);

    private Refusal? TrustRefusal(CheckpointOffer offer, OfferedCheckpoint offered)
    {
        if (offered.Checkpoint.Origin != Origin)
            return new Refusal(ErrorCode.WrongSystem, "the checkpoint is of another system's ledger");
        if (_memory is not { } memory || memory.Key.ToString() == offered.Key.ToString())
            return null;
        var refusal = new Refusal(ErrorCode.UnknownKey, $"the checkpoint's key is not the ledger's, which is {memory.Key} ({memory.Trust})");
        // What its own key did not sign could have been written by anybody, and shows nothing.
        if (offered.TryVerify(out SignedNote? note, out _, out _))
            Evidence.Keep(EvidenceKind.UnknownKey, refusal.Reason, memory, offer.ToJson(), $"{offer.Key}\n{note.Text}");
        return refusal;
    }

    private static Refusal? SignatureRefusal(OfferedCheckpoint offered, out SignedNote? note, out long signedSeconds) =>
        offered.TryVerify(out note, out signedSeconds, out string? fault) ? null : new Refusal(ErrorCode.BadSignature, $"the checkpoint is not to be believed: {fault}");

    private Refusal? Take(CheckpointOffer offer, OfferedCheckpoint offered, SignedNote note, long signedSeconds)
    {
        SeenCheckpoint? last = _memory?.Seen;
        if (SeenCheckpoint.Judge(last, offered.Checkpoint, offer.Old, offer.Proof) is { } refusal)
        {
            if (refusal.Code is ErrorCode.Fork or ErrorCode.Unproven)
            {
                EvidenceKind kind = refusal.Code != ErrorCode.Fork ? EvidenceKind.Unproven : _memory!.Statement is null ? EvidenceKind.PinnedFork : EvidenceKind.Fork;
                Evidence.Keep(kind, refusal.Reason, _memory, offer.ToJson(), $"{offer.Key}\n{last!.Note.Text}\n{note.Text}");
            }

            return refusal;
        }

        long now = Math.Max(0, _time.GetUtcNow().ToUnixTimeSeconds());
        long? signed = SeenCheckpoint.Credible(signedSeconds, now);
        LedgerKeyStatement? statement = _memory?.Statement;
        // The same tree again and no newer word of the ledger's: what was said of it stands, and nothing is written for it.
        if (last is not null && last.Checkpoint.Size == offered.Checkpoint.Size && (last.Cosignature is not null || statement is null)
            && (signed ?? -1) <= (SeenCheckpoint.Credible(last.SignedSeconds, now) ?? -1))
            return null;
        return Keep(new WitnessMemory(offered.Key, statement, Cosigned(new SeenCheckpoint(offered.Checkpoint, note, signed, now, null), statement)) { Disowned = _memory?.Disowned });
    }

    /// <summary>Before an operator has said whose key the ledger's is, whoever brought the first checkpoint would be vouched for.</summary>
    private SeenCheckpoint Cosigned(SeenCheckpoint seen, LedgerKeyStatement? statement) =>
        statement is null ? seen : seen with { Cosignature = _signer.Cosign(seen.Checkpoint, seen.ArrivedSeconds) };

    private Refusal? Trust(LedgerKeyStatement statement, NoteVerifierKey key)
    {
        if ((_memory?.Statement ?? _memory?.Disowned) is { } known && known.TimestampSeconds >= statement.TimestampSeconds)
            return new Refusal(ErrorCode.Superseded, "a statement as new as this one or newer was received");
        if (_memory is not { } memory)
            return Keep(new WitnessMemory(key, statement, null));
        if (memory.Key.ToString() == statement.Key)
            return Keep(new WitnessMemory(key, statement, memory.Seen is { Cosignature: null } seen ? Cosigned(seen, statement) : memory.Seen));

        Evidence.Keep(EvidenceKind.Replaced, $"the operator named another ledger's key, {statement.Key}", memory, null, Identity(memory));
        try
        {
            // First: killed after it, the new key has vouched for nothing and the statement comes again. The other way round one key would
            // vouch for the histories of both.
            RenewKey(statement.Key);
            _memory = memory with { Seen = memory.Seen is { } old ? old with { Cosignature = null } : null };
        }
        catch (IOException e)
        {
            return NotWritten(e, "key");
        }

        return Keep(new WitnessMemory(key, statement, null));
    }

    /// <exception cref="IOException">It could not be written.</exception>
    private void RenewKey(string because)
    {
        CosignatureSigner old = _signer;
        _signer = WitnessKeyFile.Renew(_paths, _systemId, _gateway);
        _log.WitnessKeyRenewed(because, _signer.Key.ToString(), old.Key.ToString());
        old.Dispose();
    }

    private Refusal? Keep(WitnessMemory next)
    {
        try
        {
            DurableFile.Replace(_paths.GatewayWitnessFile, next.Write(), FileMode);
            _memory = next;
            return null;
        }
        catch (IOException e)
        {
            return NotWritten(e, "memory");
        }
    }

    private static Refusal NotWritten(IOException e, string what) => e is PosixException { IsFull: true }
        ? new Refusal(ErrorCode.StorageFull, "the disk is full: the witness remembers what it did before")
        : new Refusal(ErrorCode.StorageError, $"the witness's {what} cannot be written: {e.Message}");

    private static string MoveAway(string path) => $"mv {SafePath.Quote(path)} {SafePath.Quote(path + ".old")}";

    private static string Identity(WitnessMemory memory) => $"{memory.Key}\n{memory.Seen?.Note.Text}";
}
