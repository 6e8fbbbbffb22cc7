using System.CommandLine;
using System.Globalization;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit export DIR</c>: the whole ledger as files that tools written by others can check.</summary>
internal static class AuditExportCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> directory = new("DIR") { Description = "A new directory" };
        Command command = new("export", "Write every entry, the tree and a signed checkpoint to a new directory (C2SP tlog-tiles)") { directory };
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse.GetValue(directory)!)));
        return command;
    }

    private static int Run(Session session, string directory)
    {
        if (OutputPlace.Fault(directory) is { } place)
            return session.Fail(place);
        LedgerReader reader = new(session);
        if (!reader.TryGetCosigned(out var signed, out var failure))
            return session.Fail(failure);
        try
        {
            ExportWriter export = new(directory);
            Fill(session, reader.ReadLeaves(0, signed.Checkpoint.Size), signed.Checkpoint.Size, export);
            var summary = export.Finish(signed.Note, signed.Checkpoint);
            session.Terminal.Print(Describe(session, summary, directory, signed.Key));
            return (int)ExitCode.Done;
        }
        catch (SourceException fault)
        {
            return session.Fail(fault.Failure);
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            return session.Fail(new Failure(ExitCode.Refused, $"not exported: {fault.Message}"));
        }
    }

    private static void Fill(Session session, IEnumerable<byte[]> leaves, long size, ExportWriter export)
    {
        Progress progress = new(session.Terminal, "exporting");
        var done = 0L;
        try
        {
            foreach (var leaf in leaves)
            {
                export.Add(leaf);
                progress.Show(++done, size);
            }
        }
        finally
        {
            progress.End();
        }
    }

    private static string Describe(Session session, ExportSummary summary, string directory, NoteVerifierKey key)
    {
        var size = summary.Checkpoint.Size;
        if (session.Json)
        {
            return JsonPrinter.Print(JsonValue.Object(
            [
                ("status", JsonValue.Of("ok")),
                .. AuditText.Members(summary.Checkpoint),
                ("left_out", JsonValue.Of(summary.Withheld)),
                ("bytes", JsonValue.Of(summary.Bytes)),
                ("key", JsonValue.Of(key.ToString())),
            ])) + "\n";
        }
        return string.Create(CultureInfo.InvariantCulture, $"exported {size} {AuditText.Entries(size)}, {summary.Bytes} bytes, to {SafeText.ForTerminal(directory)}\n")
            + $"root hash  {summary.Checkpoint.RootHex}\n"
            + (summary.Withheld == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"left out   {summary.Withheld} confidential {(summary.Withheld == 1 ? "envelope" : "envelopes")}; their hashes are in it\n"));
    }
}
