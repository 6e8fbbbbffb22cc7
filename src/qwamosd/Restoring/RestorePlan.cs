using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// What a restore has decided to do, in a file of root's that is durable before the first step and removed after the last: while it is there no
/// daemon starts and no boot applies, and the command, run again, goes on where it was killed.
/// </summary>
/// <param name="File">The path of FILE, for the person who runs it again.</param>
/// <param name="Folder">The name of the folder in <c>backups/</c> for what is replaced.</param>
/// <param name="Note">What the daemon is to record.</param>
/// <param name="Memory">The boot's memory afterwards.</param>
internal sealed record RestorePlan(string File, string Folder, BootNote Note, BootMemory Memory)
{
    private const int Format = 1;
    private const int MaxFileBytes = 131_072;

    /// <summary>Why nothing may be done with the ledger now; null when no restore was begun.</summary>
    public static string? Fault(SystemPaths paths) => !Posix.IsAbsent(paths.RestorePlanFile)
        ? $"a restore of the ledger was begun and has not ended ({SafeText.ForTerminal(paths.RestorePlanFile)}): run it again{(paths.IsTrial ? "" : ", as root")}: {ProposedCommand.Of(paths, "qwamosd", "restore FILE")}"
        : null;

    /// <summary>Reads the plan; null when there is none. One that cannot be read is a fault: it is written whole.</summary>
    public static bool TryLoad(SystemPaths paths, out RestorePlan? plan, [NotNullWhen(false)] out string? fault)
    {
        plan = null;
        fault = null;
        if (Posix.IsAbsent(paths.RestorePlanFile))
            return true;
        var path = SafeText.ForTerminal(paths.RestorePlanFile);
        if (!SafePath.TryCheckTrusted(paths.RestorePlanFile, paths, PathRules.TrustedFile, out fault))
            return false;
        var content = DurableFile.ReadAllBounded(paths.RestorePlanFile, MaxFileBytes);
        fault = $"{path} is not the plan of a restore; find out what wrote there, and move it away";
        if (!StrictJson.TryParse(content, out JsonValue? document, out _, MaxFileBytes)
            || document.Kind != JsonKind.Object || document.Members.Length != 5
            || !document.TryGet("format", out JsonValue? format) || !format.TryGetInteger(out long number) || number != Format
            || !document.TryGet("file", out JsonValue? file) || !file.TryGetString(out string? name)
            || !document.TryGet("folder", out JsonValue? kept) || !kept.TryGetString(out string? folder) || !IsFolderName(folder)
            || !document.TryGet("note", out JsonValue? noteJson) || !BootNote.TryRead(noteJson, out BootNote? note, out _) || !note.IsRestored
            || !document.TryGet("memory", out JsonValue? memoryJson) || !BootMemory.TryParse(CanonicalJson.Write(memoryJson), out BootMemory? memory, out _))
            return false;
        plan = new RestorePlan(name, folder, note, memory);
        fault = null;
        return true;
    }

    /// <summary>Makes it durable: from here on the restore will be done.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public void Write(SystemPaths paths, uint? gid) =>
        DurableFile.Replace(paths.RestorePlanFile, JsonText.Line(ToJson()), BootFolder.FileMode, gid);

    private JsonValue ToJson() => StrictJson.TryParse(Memory.Write(), out JsonValue? memory, out string? fault)
        ? JsonValue.Object(
        [
            ("format", JsonValue.Of(Format)),
            ("file", JsonValue.Shown(File)),
            ("folder", JsonValue.Of(Folder)),
            ("note", Note.ToJson()),
            ("memory", memory),
        ])
        : throw new InvalidOperationException(fault);

    private static bool IsFolderName(string name) => name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
}
