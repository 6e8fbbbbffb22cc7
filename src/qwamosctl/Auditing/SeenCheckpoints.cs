using System.Text;
using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Auditing;

/// <summary>
/// The last checkpoint of each ledger that this client saw, in the key home: the next one must be by the same key, and its ledger must begin with
/// the one seen. So a daemon cannot cut its history, or show its operator two, unnoticed (ATTACKS 13, 37). Without a key home nothing is kept.
/// </summary>
internal sealed class SeenCheckpoints(Session session)
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const string Folder = "seen";
    private const string RefusedSuffix = ".refused";

    private readonly string _home = session.Home ?? KeyHome.DefaultDirectory;

    /// <summary>Whether there is a key home to keep anything in.</summary>
    public static bool CanKeep(Session session) => Directory.Exists(session.Home ?? KeyHome.DefaultDirectory);

    /// <summary>The key that is pinned for the ledger of an origin.</summary>
    public bool TryFindKey(string origin, out NoteVerifierKey key)
    {
        key = null!;
        try
        {
            if (FileOf(origin) is not { } file || !File.Exists(file) || !TryRead(file, out var seen))
                return false;
            key = seen.Key;
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Checks a checkpoint against the one seen before, and keeps it in that one's place; one that does not fit is kept beside it.</summary>
    public bool TryAccept(LedgerReader reader, SignedCheckpoint now, out Failure failure)
    {
        failure = null!;
        if (!Directory.Exists(_home))
            return true;
        if (FileOf(now.Checkpoint.Origin) is not { } file)
            return No(new Failure(ExitCode.Refused, $"the daemon's checkpoint is not of a QWAMOS ledger, but of {now.Checkpoint.Origin}"), out failure);
        try
        {
            if (!File.Exists(file))
            {
                DurableFile.MakeDirectory(Path.GetDirectoryName(file)!, FileMode | UnixFileMode.UserExecute);
                Keep(file, now);
                session.Terminal.Note($"Seen for the first time, and pinned, not signed: the ledger's key {now.Key}");
                return true;
            }
            if (!TryRead(file, out var seen))
                return No(new Failure(ExitCode.Refused, $"{file} does not hold a checkpoint", $"Find out why, then start anew: rm {SafePath.Quote(file)}"), out failure);
            if (Fault(reader, seen, now) is { } fault)
            {
                Keep(file + RefusedSuffix, now);
                return No(new Failure(ExitCode.Refused, fault, $"Both are kept as evidence: {file} and {file}{RefusedSuffix}. To believe the new one, remove the first"), out failure);
            }
            if (now.Checkpoint.Size > seen.Checkpoint.Size)
                Keep(file, now);
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            session.Terminal.Note($"The ledger's checkpoint could not be compared with the one seen before, or kept: {SafeText.ForTerminal(fault.Message)}");
            return true;
        }
    }

    private static string? Fault(LedgerReader reader, SignedCheckpoint seen, SignedCheckpoint now)
    {
        if (seen.Key.ToString() != now.Key.ToString())
            return $"the ledger's key is {now.Key}, and {seen.Key} was seen before: another ledger is in its place, or its key was lost";
        var (old, @new) = (seen.Checkpoint, now.Checkpoint);
        if (@new.Size < old.Size)
            return $"the ledger has {@new.Size} entries, and {old.Size} were seen before: it was cut or put back";
        if (!reader.TryGetConsistency(old.Size, @new.Size, out var proof, out var failure))
            return $"the daemon does not show that its ledger begins with the {old.Size} entries seen before: {failure.Reason}";
        return TreeProofs.VerifyConsistency(old.Size, old.RootHash.Span, @new.Size, @new.RootHash.Span, proof)
            ? null
            : $"the ledger does not begin with the {old.Size} entries seen before: its history was changed";
    }

    /// <summary>Where a ledger's last checkpoint is kept; null for an origin that is not a QWAMOS system's.</summary>
    private string? FileOf(string origin) =>
        Checkpoint.SystemOf(origin) is { Length: SystemId.Digits } system && system.All(char.IsAsciiHexDigitLower) ? Path.Combine(_home, Folder, system) : null;

    // The key on the first line, for a note names its key but does not hold it.
    private static void Keep(string file, SignedCheckpoint signed) =>
        DurableFile.Replace(file, [.. Encoding.UTF8.GetBytes(signed.Key + "\n"), .. signed.Note], FileMode);

    private static bool TryRead(string file, out SignedCheckpoint seen)
    {
        seen = null!;
        var content = DurableFile.ReadAllBounded(file, Limits.MaxVerifierKeyFileBytes + Limits.MaxNoteBytes);
        var cut = content.AsSpan().IndexOf((byte)'\n');
        if (cut < 0 || !NoteVerifierKey.TryParse(Encoding.UTF8.GetString(content, 0, cut), out var key, out _))
            return false;
        var note = content[(cut + 1)..];
        if (!Checkpoint.TryOpen(note, key, out var checkpoint, out _))
            return false;
        seen = new SignedCheckpoint(note, checkpoint, key);
        return true;
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
