using System.Text;
using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

public sealed class DurableFileTests : IDisposable
{
    private const UnixFileMode Secret = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode GroupReads = Secret | UnixFileMode.GroupRead;

    private readonly TemporaryDirectory _dir = new();

    private string File1 => _dir.At("file");

    public void Dispose() => _dir.Dispose();

    [Fact]
    public void Replace_makes_a_file_and_replaces_it_whole_with_exactly_its_mode()
    {
        DurableFile.Replace(File1, "a long first content"u8, Secret);
        Assert.Equal(Secret, Posix.Stat(File1).Mode);
        DurableFile.Replace(File1, "second"u8, GroupReads);
        Assert.Equal("second", File.ReadAllText(File1));
        Assert.Equal(GroupReads, Posix.Stat(File1).Mode);
        DurableFile.Replace(File1, [], GroupReads);
        Assert.Equal(0, Posix.Stat(File1).SizeBytes);
        Assert.Equal(["file"], _dir.Names);
    }

    [Fact]
    public void Replace_writes_a_large_content_whole()
    {
        var content = new byte[5_000_001];
        Random.Shared.NextBytes(content);
        DurableFile.Replace(File1, content, Secret);
        Assert.Equal(content, DurableFile.ReadAllBounded(File1, content.Length));
    }

    // Any usual mask would take these modes' write bits away.
    [Fact]
    public void The_mask_of_the_process_does_not_change_a_mode()
    {
        DurableFile.Replace(File1, "x"u8, (UnixFileMode)0x1B6);
        DurableFile.MakeDirectory(_dir.At("d"), (UnixFileMode)0x1FF);
        Assert.Equal((UnixFileMode)0x1B6, Posix.Stat(File1).Mode);
        Assert.Equal((UnixFileMode)0x1FF, Posix.Stat(_dir.At("d")).Mode);
    }

    [Fact]
    public void CreateNew_never_writes_over_what_is_there()
    {
        Assert.True(DurableFile.CreateNew(File1, "first"u8, Secret));
        Assert.False(DurableFile.CreateNew(File1, "second"u8, Secret));
        Assert.Equal("first", File.ReadAllText(File1));
        File.CreateSymbolicLink(_dir.At("dangling"), _dir.At("nowhere"));
        Assert.False(DurableFile.CreateNew(_dir.At("dangling"), "x"u8, Secret));
        Assert.Equal(["dangling", "file"], _dir.Names);
        Assert.Equal(1u, Posix.Stat(File1).Links);
    }

    [Fact]
    public async Task CreateNew_has_one_winner_among_many_and_everybody_reads_the_winners_content()
    {
        var wins = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() =>
        {
            var isMine = DurableFile.CreateNew(File1, Encoding.ASCII.GetBytes(new string((char)('a' + i), 32)), Secret);
            return (IsMine: isMine, Content: File.ReadAllText(File1));
        })));
        Assert.Single(wins, win => win.IsMine);
        Assert.Single(wins.Select(win => win.Content).Distinct());
        Assert.Equal(["file"], _dir.Names);
    }

    [Theory]
    [InlineData("link")]
    [InlineData("dangling")]
    [InlineData("hardlink")]
    [InlineData("fifo")]
    [InlineData("directory")]
    public void Attack27_a_link_or_anything_else_than_a_file_is_not_written(string kind)
    {
        var target = _dir.At("target");
        File.WriteAllText(target, "untouched");
        MakeStrange(kind, target);
        var fault = Assert.ThrowsAny<IOException>(() => DurableFile.Replace(File1, "new"u8, Secret));
        Assert.Contains(File1, fault.Message, StringComparison.Ordinal);
        Assert.Contains("remove", fault.Message, StringComparison.Ordinal);
        Assert.Equal("untouched", File.ReadAllText(target));
        Assert.Equal(["file", "target"], _dir.Names);
    }

    [Theory]
    [InlineData("link")]
    [InlineData("dangling")]
    [InlineData("fifo")]
    [InlineData("directory")]
    public void Attack27_a_link_or_anything_else_than_a_file_is_not_read_nor_waited_for(string kind)
    {
        File.WriteAllText(_dir.At("target"), "x");
        MakeStrange(kind, _dir.At("target"));
        Assert.ThrowsAny<IOException>(() => DurableFile.ReadAllBounded(File1, 100));
    }

    [Fact]
    public void Attack27_a_directory_that_is_a_link_is_not_written_into()
    {
        Directory.CreateDirectory(_dir.At("real"));
        File.CreateSymbolicLink(_dir.At("linked"), _dir.At("real"));
        Assert.Throws<PosixException>(() => DurableFile.Replace(_dir.At("linked/file"), "x"u8, Secret));
        Assert.Throws<PosixException>(() => DurableFile.CreateNew(_dir.At("linked/file"), "x"u8, Secret));
        Assert.Throws<PosixException>(() => DurableFile.MakeDirectory(_dir.At("linked"), Secret));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_dir.At("real")));
    }

    // A file system that is really full, not a pretended one: every write path of the kernel is the real one.
    [Fact]
    public void Attack29_on_a_full_disk_the_old_content_stays_no_temporary_file_is_left_and_it_works_again_when_there_is_room()
    {
        Assert.SkipUnless(Posix.IsRoot, "needs root, to mount a small tmpfs");
        var full = _dir.At("full");
        Directory.CreateDirectory(full);
        TemporaryDirectory.Run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full);
        try
        {
            var path = Path.Combine(full, "file");
            DurableFile.Replace(path, "old"u8, Secret);
            var fault = Assert.Throws<PosixException>(() => DurableFile.Replace(path, new byte[100_000], Secret));
            Assert.True(fault.IsFull);
            Assert.Contains(path, fault.Message, StringComparison.Ordinal);
            Assert.Throws<PosixException>(() => DurableFile.CreateNew(Path.Combine(full, "other"), new byte[100_000], Secret));
            Assert.Equal("old", File.ReadAllText(path));
            Assert.Equal([path], Directory.EnumerateFileSystemEntries(full));
            DurableFile.Replace(path, "new"u8, Secret);
            Assert.Equal("new", File.ReadAllText(path));
        }
        finally
        {
            TemporaryDirectory.Run("umount", full);
        }
    }

    [Fact]
    public void Attack29_where_nothing_can_be_written_the_fault_names_the_call_and_the_path()
    {
        var fault = Assert.Throws<PosixException>(() => DurableFile.Replace("/proc/qwamos-test", "x"u8, Secret));
        Assert.StartsWith("/proc/qwamos-test: open: ", fault.Message, StringComparison.Ordinal);
        Assert.True(Assert.Throws<PosixException>(() => DurableFile.Replace(_dir.At("missing/file"), "x"u8, Secret)).IsNotFound);
    }

    [Fact]
    public void Attack29_temporary_files_left_by_a_crash_are_removed_and_nothing_else()
    {
        foreach (var name in (string[])[".file.0123456789abcdef.tmp", ".mine.tmp", ".file.0123456789ABCDEF.tmp", "x.0123456789abcdef.tmp", "file"])
            File.WriteAllText(_dir.At(name), "");
        Assert.Equal(1, DurableFile.RemoveLeftovers(_dir.Path));
        Assert.DoesNotContain(".file.0123456789abcdef.tmp", _dir.Names);
        Assert.Equal(4, _dir.Names.Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(10_000)]
    public void ReadAllBounded_takes_the_bound_and_refuses_one_byte_more(int size)
    {
        File.WriteAllBytes(File1, new byte[size]);
        Assert.Equal(size, DurableFile.ReadAllBounded(File1, size).Length);
        File.WriteAllBytes(File1, new byte[size + 1]);
        var fault = Assert.Throws<IOException>(() => DurableFile.ReadAllBounded(File1, size));
        Assert.Contains($"longer than {size} bytes", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadAllBounded_reads_files_whose_size_the_kernel_does_not_tell()
    {
        Assert.NotEmpty(DurableFile.ReadAllBounded("/proc/self/status", 65_536));
        Assert.Throws<IOException>(() => DurableFile.ReadAllBounded("/proc/self/status", 10));
        Assert.True(Assert.Throws<PosixException>(() => DurableFile.ReadAllBounded(File1, 10)).IsNotFound);
    }

    [Fact]
    public void Rename_and_Remove_say_what_they_found()
    {
        File.WriteAllText(File1, "x");
        File.WriteAllText(_dir.At("taken"), "y");
        Assert.Equal(PosixException.EEXIST, Assert.Throws<PosixException>(() => DurableFile.Rename(File1, "taken")).Errno);
        DurableFile.Rename(File1, "file.legacy");
        Assert.Equal(["file.legacy", "taken"], _dir.Names);
        Assert.True(DurableFile.Remove(_dir.At("taken")));
        Assert.False(DurableFile.Remove(_dir.At("taken")));
        Assert.Throws<ArgumentException>(() => DurableFile.Rename(_dir.At("file.legacy"), "../out"));
    }

    private void MakeStrange(string kind, string target)
    {
        switch (kind)
        {
            case "link": File.CreateSymbolicLink(File1, target); break;
            case "dangling": File.CreateSymbolicLink(File1, _dir.At("nowhere")); break;
            case "hardlink": TemporaryDirectory.Run("ln", target, File1); break;
            case "fifo": TemporaryDirectory.Run("mkfifo", File1); break;
            default: Directory.CreateDirectory(File1); break;
        }
    }
}
