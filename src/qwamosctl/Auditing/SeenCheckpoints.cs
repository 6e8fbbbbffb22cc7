using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Auditing;

/// <summary>
/// The last checkpoint of each ledger that this client saw, in the key home: the next one must be by the same key, or one that an operator signed
/// later, and its ledger must begin with the one seen. So a daemon cannot cut its history, or show its operator two, unnoticed (ATTACKS 13, 37).
/// Without a key home nothing is kept.
/// </summary>
internal sealed class SeenCheckpoints(Session session)
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const string Folder = "seen";
    private const string RefusedSuffix = ".refused";
    private const string ReplacedSuffix = ".replaced";

    private readonly string _home = session.Home ?? KeyHome.DefaultDirectory;

    /// <summary>What is kept of the ledger of an origin; null when nothing is. False when it cannot be read: that is not the same as nothing.</summary>
    public bool TryFind(string origin, out SignedCheckpoint? seen, out Failure failure)
    {
        (seen, failure) = (null, null!);
        return FileOf(origin) is not { } file || TryRead(file, out seen, out failure);
    }

    /// <summary>
    /// Checks a checkpoint against the one seen before, and keeps it in that one's place; one that does not fit is kept beside it. What is given
    /// back is the newest that came, with the statement that counts.
    /// </summary>
    public bool TryAccept(LedgerReader reader, ref SignedCheckpoint now, out Failure failure)
    {
        if (FileOf(now.Checkpoint.Origin) is not { } file)
            return No(new Failure(ExitCode.Refused, $"the daemon's checkpoint is not of a QWAMOS ledger, but of {now.Checkpoint.Origin}"), out failure);
        if (!TryRead(file, out var seen, out failure))
            return false;
        if (seen is null)
        {
            if (Directory.Exists(_home) && TryKeep(file, now, makesFolder: true))
                session.Terminal.Note($"Seen for the first time, and {LedgerTrust.Describe(session, now.Statement)}: the ledger's key {now.Key}");
            return true;
        }
        if (seen.Key.ToString() != now.Key.ToString())
            return TryReplace(file, seen, now, out failure);
        if (Fault(reader, seen, ref now) is { } fault)
            return No(Refused(file, now, fault), out failure);
        if (seen.Statement != now.Statement && !LedgerTrust.Replaces(session, now.Statement, seen.Statement))
            now = now with { Statement = seen.Statement };
        else if (seen.Statement != now.Statement)
            session.Terminal.Note($"The ledger's key is {LedgerTrust.Describe(session, now.Statement)}: {now.Key}");
        if (now.Checkpoint.Size == seen.Checkpoint.Size && now.TimeSeconds < seen.TimeSeconds)
            session.Terminal.Note($"The checkpoint that came was signed {AuditText.Time(now.TimeSeconds)}, and one of the same entries signed {AuditText.Time(seen.TimeSeconds)} was seen before: an old answer was shown again, or the daemon's clock was set back.");
        else if (now.Checkpoint.Size > seen.Checkpoint.Size || now.TimeSeconds > seen.TimeSeconds || now.Statement != seen.Statement)
            _ = TryKeep(file, now, makesFolder: false);
        return true;
    }

    /// <summary>Why <see cref="TryAccept"/> would refuse a checkpoint, or refused one before; null when it would not. Keeps nothing.</summary>
    public Failure? FaultOf(LedgerReader reader, SignedCheckpoint now)
    {
        if (FileOf(now.Checkpoint.Origin) is not { } file)
            return new Failure(ExitCode.Refused, $"is not of a QWAMOS ledger, but of {now.Checkpoint.Origin}");
        if (!TryRead(file, out var seen, out var failure))
            return failure;
        if (seen is null)
            return null;
        if (seen.Key.ToString() != now.Key.ToString())
            return LedgerTrust.Replaces(session, now.Statement, seen.Statement) ? null : new Failure(ExitCode.Refused, OtherKey(seen, now), Vouching);
        return Fault(reader, seen, ref now) is { } fault ? new Failure(ExitCode.Refused, fault, $"what was seen before is in {file}; qwamosctl status keeps both as evidence")
            : !Posix.IsAbsent(file + RefusedSuffix) ? new Failure(ExitCode.Refused, $"fits, but another was refused before, and is kept in {file}{RefusedSuffix}", "find out who showed it, then move that file away")
            : null;
    }

    private static string OtherKey(SignedCheckpoint seen, SignedCheckpoint now) =>
        $"the ledger's key is {now.Key}, and {seen.Key} was seen before: another ledger is in its place, or its key was lost";

    /// <summary>Another key than the one seen: only an operator's later word for it counts. Then the memory starts anew, for so does the ledger when it was lost.</summary>
    private bool TryReplace(string file, SignedCheckpoint seen, SignedCheckpoint now, out Failure failure)
    {
        failure = null!;
        if (!LedgerTrust.Replaces(session, now.Statement, seen.Statement))
            return No(Refused(file, now, OtherKey(seen, now), Vouching), out failure);
        session.Terminal.Note($"The ledger's key was replaced, {LedgerTrust.Describe(session, now.Statement)}: it is {now.Key}");
        _ = TryKeepReplaced(file, seen) && TryKeep(file, now, makesFolder: false);
        return true;
    }

    /// <summary>The first ones stay: each is what was vouched for once.</summary>
    private bool TryKeepReplaced(string file, SignedCheckpoint seen)
    {
        var free = Enumerable.Range(1, Limits.MaxReplacedCheckpoints).Select(number => file + ReplacedSuffix + (number == 1 ? "" : $".{number}")).FirstOrDefault(Posix.IsAbsent);
        if (free is not null && !TryKeep(free, seen, makesFolder: false))
            return false;
        session.Terminal.Note(free is null
            ? $"What was seen under the key before is not kept: {Limits.MaxReplacedCheckpoints} files of that kind are in {Path.GetDirectoryName(file)}"
            : $"What was seen under the key before is kept in {free}");
        return true;
    }

    private string Vouching =>
        $"After qwamosd restore --accept-older, or when ledger_sk was lost, compare the new one with the line `ledger key` of qwamosd's log ({session.DaemonLog}), and vouch for it: qwamosctl audit key --sign";

    private string? Fault(LedgerReader reader, SignedCheckpoint seen, ref SignedCheckpoint now)
    {
        if (now.Checkpoint.Size < seen.Checkpoint.Size)
        {
            // Another run of this program may have seen a newer one while this answer was on its way. Then the ledger has all of that still.
            if (!reader.TryAskNewest(out var newest, out var failure))
                return $"the ledger's checkpoint has {now.Checkpoint.Size} entries, {seen.Checkpoint.Size} were seen before, and the newest does not come: {failure.Reason}";
            if (newest.Key.ToString() != seen.Key.ToString() || newest.Checkpoint.Size < seen.Checkpoint.Size)
                return $"the ledger has {newest.Checkpoint.Size} entries, and {seen.Checkpoint.Size} were seen before: it was cut or put back";
            if (ExtensionFault(reader, now.Checkpoint, seen.Checkpoint) is { } fault)
                return fault;
            now = newest;
        }
        return ExtensionFault(reader, seen.Checkpoint, now.Checkpoint);
    }

    /// <summary>The daemon is asked only when the tree grew; again, where it does not answer, for one that was just restarted shows no other history by that.</summary>
    private string? ExtensionFault(LedgerReader reader, Checkpoint old, Checkpoint later)
    {
        IReadOnlyList<byte[]> proof = [];
        Failure failure = null!;
        Deadline deadline = new(session.Terminal.Clock, TimeSpan.FromSeconds(BusClient.PatienceSeconds));
        bool IsShown() => reader.TryGetConsistency(old.Size, later.Size, out proof, out failure);
        var isShown = old.Size == later.Size || IsShown();
        while (!isShown && failure.Exit == ExitCode.NotReachable && deadline.LeftMilliseconds > 0)
        {
            Task.Delay(TimeSpan.FromSeconds(1), session.Terminal.Clock).Wait();
            isShown = IsShown();
        }
        if (!isShown)
            return $"the daemon does not show that its ledger begins with the {old.Size} entries seen before: {failure.Reason}";
        return TreeProofs.VerifyConsistency(old.Size, old.RootHash.Span, later.Size, later.RootHash.Span, proof)
            ? null
            : $"the ledger does not begin with the {old.Size} entries seen before: its history was changed";
    }

    private Failure Refused(string file, SignedCheckpoint now, string fault, string? mend = null) => new(
        ExitCode.Refused,
        fault,
        // The first one of it stays: a later one, by a key that anybody can make, must not take the place of what proves a fork.
        !Posix.IsAbsent(file + RefusedSuffix) || TryKeep(file + RefusedSuffix, now, makesFolder: false)
            ? $"Both are kept as evidence: {file} and {file}{RefusedSuffix}. {mend ?? "To believe the new one, remove the first"}"
            : $"The one seen before is kept as evidence: {file}. {mend ?? "To believe the new one, remove it"}");

    /// <summary>Where a ledger's last checkpoint is kept; null for an origin that is not a QWAMOS system's.</summary>
    private string? FileOf(string origin) => Checkpoint.SystemOf(origin) is { } system && SystemId.IsWellFormed(system) ? Path.Combine(_home, Folder, system) : null;

    /// <summary>
    /// A memory that cannot be written is said and stops nothing: what came was compared with what is kept. It is durable not for the newest's sake,
    /// for an older one demands consistency as well, but because a file renamed without fsync may be empty after a power cut, and then refuses all.
    /// </summary>
    private bool TryKeep(string file, SignedCheckpoint signed, bool makesFolder)
    {
        try
        {
            if (makesFolder)
                DurableFile.MakeDirectory(Path.GetDirectoryName(file)!, FileMode | UnixFileMode.UserExecute);
            DurableFile.Replace(file, signed.ToBytes(), FileMode);
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            session.Terminal.Note($"The ledger's checkpoint could not be kept: {SafeText.ForTerminal(fault.Message)}");
            return false;
        }
    }

    /// <summary>Only a file that is not there is none: whoever can make it unreadable must not make it forgotten.</summary>
    private static bool TryRead(string file, out SignedCheckpoint? seen, out Failure failure)
    {
        (seen, failure) = (null, null!);
        try
        {
            if (SignedCheckpoint.TryParse(DurableFile.ReadAllBounded(file, KeptCheckpoint.MaxFileBytes), out var read, out var fault))
            {
                seen = read;
                return true;
            }
            return No(new Failure(ExitCode.Refused, $"{file} does not hold a checkpoint: {fault}", $"Find out why, then start anew: rm {SafePath.Quote(file)}"), out failure);
        }
        catch (PosixException fault) when (fault.IsNotFound)
        {
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return No(new Failure(ExitCode.Refused, $"the ledger's checkpoint cannot be compared with the one seen before: {fault.Message}", $"Find out why, then start anew: rm {SafePath.Quote(file)}"), out failure);
        }
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
