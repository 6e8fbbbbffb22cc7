using System.Text;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.Daemon;
using Xunit;

namespace Qwamos.ControlBus.Tests.Staging;

/// <summary>A trial root with an anchor, and the daemon's start on it, its log kept.</summary>
internal sealed class StagingTrial : IDisposable
{
    private readonly MemoryStream _log = new();
    private readonly DaemonLog _lines;
    private readonly string _root = Directory.CreateTempSubdirectory("qwd-").FullName;

    public StagingTrial()
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out _));
        Paths = paths;
        TrialTree.MakeMissing(paths);
        DurableFile.Replace(paths.AnchorFile, Key.Public.Raw, (UnixFileMode)0x1A4);
        _lines = new DaemonLog(line => _log.Write(line), LogFormat.Text, Time);
        Log = new LogMessages(_lines);
    }

    public SystemPaths Paths { get; }

    public SigningKey Key { get; } = SigningKey.Generate();

    public ManualTime Time { get; } = new();

    public LogMessages Log { get; }

    /// <summary>What was logged; nothing can be logged after.</summary>
    public string EndedLog()
    {
        _lines.Dispose();
        return Encoding.UTF8.GetString(_log.ToArray());
    }

    public Prepared Prepare()
    {
        Assert.True(Startup.TryPrepare(Paths, Time, Log, out Prepared? prepared, out string? fault), fault);
        return prepared;
    }

    public string Fault()
    {
        Assert.False(Startup.TryPrepare(Paths, Time, Log, out _, out string? fault));
        return fault!;
    }

    public void Dispose()
    {
        _lines.Dispose();
        Key.Dispose();
        Directory.Delete(_root, recursive: true);
    }
}
