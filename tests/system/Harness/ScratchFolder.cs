namespace Qwamos.SystemTests.Harness;

/// <summary>A folder with a short name (a socket's path has 107 bytes at most) that is removed when disposed.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("qw-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
