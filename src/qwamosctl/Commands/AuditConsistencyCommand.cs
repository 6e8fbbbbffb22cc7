using System.CommandLine;
using System.Globalization;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit consistency OLD [NEW]</c>: whether a ledger only grew between two checkpoints. The daemon or an export gives the proof, and is not believed.</summary>
internal static class AuditConsistencyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> old = new("OLD") { Description = "A file with a signed checkpoint that was kept" };
        Argument<string?> later = new("NEW") { Description = "Another one, of the same size or greater (default: the newest one there is)", Arity = ArgumentArity.ZeroOrOne };
        SourceOption source = new();
        Command command = new("consistency", "Check that the ledger of one checkpoint begins with that of an older one: nothing was taken away or changed") { old, later };
        source.AddTo(command);
        command.SetAction(parse => shared.Run(
            parse, terminal, session => Run(session, parse, source, parse.GetValue(old)!, parse.GetValue(later))));
        return command;
    }

    private static int Run(Session session, ParseResult parse, SourceOption option, string oldFile, string? newFile)
    {
        if (!option.TryOpen(parse, session, out var source, out var failure)
            || !source.TryGetCheckpoint(out var newest, out failure)
            || !TryOpen(session, oldFile, newest.Key, out var old, out failure))
            return session.Fail(failure);
        var later = newest.Checkpoint;
        if (newFile is not null && !TryOpen(session, newFile, newest.Key, out later, out failure))
            return session.Fail(failure);
        if (old.Size > later.Size)
            return session.Fail(new Failure(ExitCode.Refused, $"NEW has {later.Size} entries and OLD {old.Size}: the ledger was cut or put back, or they are the wrong way round"));
        if (!source.TryGetConsistency(old.Size, later.Size, out var proof, out failure))
            return session.Fail(failure);
        if (!TreeProofs.VerifyConsistency(old.Size, old.RootHash.Span, later.Size, later.RootHash.Span, proof))
            return session.Fail(new Failure(
                ExitCode.Refused,
                $"the ledger of {later.Size} entries is not shown to begin with the {old.Size} of OLD: its history was changed, or the proof from {source.Place} is wrong",
                "Keep both checkpoints: if one key signed both and no proof can be had, they are the evidence"));
        session.Terminal.Print(Describe(session, old, later));
        return (int)ExitCode.Done;
    }

    private static bool TryOpen(Session session, string file, NoteVerifierKey key, out Checkpoint checkpoint, out Failure failure)
    {
        checkpoint = null!;
        if (!InputFile.TryRead(session.Terminal, file, Limits.MaxNoteBytes, out var note, out failure))
            return false;
        if (Checkpoint.TryOpen(note, key, out checkpoint!, out var fault))
            return true;
        failure = new Failure(ExitCode.Refused, $"{InputFile.NameOf(file)}: {fault}", note.AsSpan().StartsWith("qwamos/"u8) ? null : ExportFolder.Mend(note, file));
        return false;
    }

    private static string Describe(Session session, Checkpoint old, Checkpoint later) => session.Json
        ? JsonPrinter.Print(JsonValue.Object([
            ("status", JsonValue.Of("ok")),
            ("old", JsonValue.Object(AuditText.Members(old))),
            ("new", JsonValue.Object(AuditText.Members(later)))])) + "\n"
        : string.Create(CultureInfo.InvariantCulture, $"consistent  the first {old.Size} of {later.Size} entries are the same\nledger      {SafeText.ForTerminal(later.Origin)}\n");
}
