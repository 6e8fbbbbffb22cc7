namespace Qwamos.SystemTests.Harness;

/// <summary>A folder in memory (tmpfs), for images of disks: syncing them would cost more than all the rest. Needs root.</summary>
internal sealed class MemoryFolder : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public MemoryFolder()
    {
        CommandResult mounted = Command.Run(["mount", "-t", "tmpfs", "-o", "size=512m,mode=0755", "none", Path]);
        if (mounted.ExitCode != 0)
            throw new InvalidOperationException(mounted.Error);
    }

    public string Path => _scratch.Path;

    public void Dispose()
    {
        // Lazily: another test's mount namespace may have a copy of what was mounted here.
        Command.Run(["umount", "-l", Path]);
        _scratch.Dispose();
    }
}
