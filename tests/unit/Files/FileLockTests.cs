using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

public sealed class FileLockTests : IDisposable
{
    private readonly TemporaryDirectory _dir = new();

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void Attack25_a_second_holder_is_told_at_once_and_the_next_one_gets_in()
    {
        var path = _dir.At("bus.sock.lock");
        Assert.True(FileLock.TryTake(path, out var first));
        Assert.False(FileLock.TryTake(path, out _));
        first.Dispose();
        Assert.True(FileLock.TryTake(path, out var second));
        second.Dispose();
        Assert.Equal((UnixFileMode)0x180, Posix.Stat(path).Mode);
    }

    [Fact]
    public void Attack27_a_lock_file_that_is_a_link_or_no_file_is_refused()
    {
        File.WriteAllText(_dir.At("target"), "");
        File.CreateSymbolicLink(_dir.At("link"), _dir.At("target"));
        Assert.Throws<PosixException>(() => FileLock.TryTake(_dir.At("link"), out _));
        TemporaryDirectory.Run("mkfifo", _dir.At("fifo"));
        Assert.ThrowsAny<IOException>(() => FileLock.TryTake(_dir.At("fifo"), out _));
    }
}
