using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

/// <summary>A directory of its own for one test, 0700, gone afterwards.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("qwamos-keys-").FullName;

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        Assert.StartsWith(System.IO.Path.GetTempPath(), Path, StringComparison.Ordinal);
        Directory.Delete(Path, recursive: true);
    }
}
