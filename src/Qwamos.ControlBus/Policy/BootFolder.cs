using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Policy;

/// <summary>
/// `/var/lib/qwamos-boot/`: what root's programs remember, and (<see cref="BootNotes"/>) what they tell qwamosd, which may read but never
/// write here. Notes are durable before the memory that counts them, so a kill between the two loses nothing and repeats nothing.
/// </summary>
public sealed class BootFolder(SystemPaths paths)
{
    /// <summary>0640: qwamosd reads through its group.</summary>
    public const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private const UnixFileMode FolderMode = FileMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute;
    private const int MaxMemoryBytes = 65_536;
    private const string LockName = "lock";

    /// <summary>
    /// The group of the files: that of the folder, which root or the package chose; of qwamosd's own folder while there is none. Null
    /// leaves them to this process's group.
    /// </summary>
    public uint? Gid => Posix.IsRoot && !paths.IsTrial ? GidOf(paths.BootDir) ?? GidOf(paths.StateDir) : null;

    /// <summary>Makes the folder and the notes' when they are missing. Throws <see cref="IOException"/>.</summary>
    public void Make()
    {
        TrialTree.MakeMissing(paths);
        DurableFile.MakeDirectory(paths.BootDir, FolderMode, Gid);
        DurableFile.MakeDirectory(paths.BootNotesDir, FolderMode, Gid);
    }

    /// <summary>
    /// Keeps a file of evidence that is not there yet, durably: never written over, and at most <see cref="Limits.MaxBootEvidenceFiles"/>, the first
    /// ones. Gives its path, or null when there was no place. Throws <see cref="IOException"/>.
    /// </summary>
    public string? KeepEvidence(string name, ReadOnlySpan<byte> content)
    {
        Make();
        DurableFile.MakeDirectory(paths.BootEvidenceDir, FolderMode, Gid);
        if (Fault() is { } distrust) throw new IOException(distrust);
        using var held = Lock();
        var path = Path.Combine(paths.BootEvidenceDir, name);
        if (!Posix.IsAbsent(path)) return path;
        DurableFile.RemoveLeftovers(paths.BootEvidenceDir);
        if (Directory.EnumerateFiles(paths.BootEvidenceDir).Count() >= Limits.MaxBootEvidenceFiles) return null;
        DurableFile.CreateNew(path, content, FileMode, Gid);
        return path;
    }

    /// <summary>Why the folder may not be believed, or null. A folder that is not there yet is fine.</summary>
    public string? Fault()
    {
        foreach (var folder in (string[])[paths.BootDir, paths.BootNotesDir, paths.BootEvidenceDir])
        {
            if (!Posix.IsAbsent(folder) && !SafePath.TryCheckTrusted(folder, paths, PathRules.TrustedDirectory, out var fault))
                return fault;
        }
        return null;
    }

    /// <summary>Keeps root's other programs out meanwhile. Throws <see cref="IOException"/> when one is at work.</summary>
    public FileLock Lock() => FileLock.TryTake(Path.Combine(paths.BootDir, LockName), out var held)
        ? held
        : throw new IOException("another of root's commands is at work; run this again when it has ended");

    /// <summary>Reads the memory; <see cref="BootMemory.Empty"/> when there is none yet. A bad one is a fault: it is written whole or not at all.</summary>
    public bool TryReadMemory([NotNullWhen(true)] out BootMemory? memory, [NotNullWhen(false)] out string? fault)
    {
        memory = null;
        if (!TrustedDocument.TryReadIfPresent(paths.BootMemoryFile, paths, MaxMemoryBytes, out var content, out fault)) return false;
        if (content is null)
        {
            memory = BootMemory.Empty;
            return true;
        }
        if (BootMemory.TryParse(content, out memory, out fault)) return true;
        fault = $"{paths.BootMemoryFile}: {fault}; put a backup of it back, or remove it to trust the ledger as it stands";
        return false;
    }

    /// <summary>Replaces the memory durably. Throws <see cref="IOException"/>.</summary>
    public void WriteMemory(BootMemory memory) => DurableFile.Replace(paths.BootMemoryFile, memory.Write(), FileMode, Gid);

    /// <summary>Reads what is on trial; <see cref="BootAssessment.Empty"/> when nothing ever was. A bad one is a fault.</summary>
    public bool TryReadAssessment([NotNullWhen(true)] out BootAssessment? assessment, [NotNullWhen(false)] out string? fault)
    {
        assessment = null;
        if (!TrustedDocument.TryReadIfPresent(paths.BootAssessmentFile, paths, MaxMemoryBytes, out var content, out fault)) return false;
        if (content is null)
        {
            assessment = BootAssessment.Empty;
            return true;
        }
        if (BootAssessment.TryParse(content, out assessment, out fault)) return true;
        fault = $"{paths.BootAssessmentFile}: {fault}; put a backup of it back, or remove it to take what is in force for the last known good";
        return false;
    }

    /// <summary>Replaces it durably. Throws <see cref="IOException"/>.</summary>
    public void WriteAssessment(BootAssessment assessment) => DurableFile.Replace(paths.BootAssessmentFile, assessment.Write(), FileMode, Gid);

    private static uint? GidOf(string path) => Posix.TryStat(path, out var stat) ? stat.Gid : null;
}
