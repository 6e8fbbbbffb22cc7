using System.CommandLine;
using System.Globalization;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl backup FILE</c>: the whole ledger, confidential changes too, in one file, while the daemon goes on. The file gets its name only when
/// what is on the disk was checked entry by entry.
/// </summary>
internal static class BackupCommand
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> file = new("FILE") { Description = "A new file; it will hold confidential values, and is readable by you only" };
        Command command = new("backup", "Save the whole ledger to a file, and check the file") { file };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(file)!)));
        return command;
    }

    private static int Run(Session session, string file)
    {
        if (OutputPlace.Fault(file) is { } place)
            return session.Fail(place);
        if (!SystemName.TryRead(session.Paths, out var system, out var failure) || !OperatorKey.TryOpen(session, out var key, out failure))
            return session.Fail(failure);
        using (key)
        {
            try
            {
                using var target = NewFile.Begin(RealPath(file), Mode);
                return TryFill(session, new BackupReader(session, key, system), target, out var done, out failure)
                    ? Finish(session, target, file, done)
                    : session.Fail(failure);
            }
            catch (LedgerIntegrityException fault)
            {
                return session.Fail(new Failure(ExitCode.Refused, $"what came is not a sound backup, and is not kept: {fault.Message.TrimEnd('.')}"));
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                return session.Fail(new Failure(ExitCode.Refused, $"no backup was made: {fault.Message.TrimEnd('.')}"));
            }
        }
    }

    private static bool TryFill(Session session, BackupReader reader, NewFile target, out Done done, out Failure failure)
    {
        done = null!;
        // The checkpoint first: what was seen before the backup was asked for must be in it.
        if (!new LedgerReader(session).TryGetCheckpoint(out var seen, out failure)
            || !reader.TryBegin(out var backup, out failure)
            || !reader.TryFetch(backup, target, out var bytes, out var hash, out failure))
            return false;
        if (target.Sync() != hash)
            return No("its bytes do not have the SHA-256 that the daemon says", out failure);
        Progress progress = new(session.Terminal, "checking");
        LoadedLedger loaded;
        using (var store = LedgerStore.Open(target.TemporaryPath, LedgerOpenMode.ReadOnly))
        {
            var checker = new LedgerChecker(store)
            {
                Remembered = new RememberedTree(seen.Checkpoint.Size, seen.Checkpoint.RootHex),
                Progress = checkedEntries => progress.Show(checkedEntries, store.Size),
            };
            loaded = checker.Check();
        }
        progress.End();
        done = new Done(loaded.Tree.Size, Convert.ToHexStringLower(loaded.Tree.Root()), bytes, hash);
        return (done.Size == backup.Size && done.RootHash == backup.RootHash) || No("it is not of the tree that the daemon said", out failure);
    }

    private static int Finish(Session session, NewFile target, string file, Done done)
    {
        target.GiveName();
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object(
            [
                ("status", JsonValue.Of("ok")),
                ("file", JsonValue.Of(file)),
                ("size", JsonValue.Of(done.Size)),
                ("root_hash", JsonValue.Of(done.RootHash)),
                ("bytes", JsonValue.Of(done.Bytes)),
                ("sha256", JsonValue.Of(done.Sha256)),
            ])) + "\n"
            : string.Create(CultureInfo.InvariantCulture, $"saved      {done.Size} {AuditText.Entries(done.Size)}, {done.Bytes} bytes, to {SafeText.ForTerminal(file)}; each entry and hash was checked there\n")
                + $"root hash  {done.RootHash}\n"
                + $"SHA-256    {done.Sha256}\n");
        return (int)ExitCode.Done;
    }

    /// <summary>People keep links to folders; the file itself is never written through one.</summary>
    private static string RealPath(string file)
    {
        var full = Path.GetFullPath(file);
        var folder = Path.GetDirectoryName(full) ?? throw new IOException($"{SafeText.ForTerminal(file)} is not the name of a file");
        return Path.Combine(new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder, Path.GetFileName(full));
    }

    private static bool No(string why, out Failure failure)
    {
        failure = new Failure(ExitCode.Refused, $"what came is not a sound backup, and is not kept: {why}");
        return false;
    }

    private sealed record Done(long Size, string RootHash, long Bytes, string Sha256);
}
