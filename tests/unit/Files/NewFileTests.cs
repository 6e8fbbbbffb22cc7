using System.Security.Cryptography;
using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

public sealed class NewFileTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string _folder = Directory.CreateTempSubdirectory("qw-newfile-").FullName;

    private string Target => Path.Combine(_folder, "f");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void File_has_its_name_only_when_it_is_whole()
    {
        using (var file = NewFile.Begin(Target, Private))
        {
            file.Write("ab"u8);
            file.Write("c"u8);
            Assert.False(File.Exists(Target));
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("abc"u8)), file.Sync());
            file.GiveName();
        }
        Assert.Equal("abc", File.ReadAllText(Target));
        Assert.Equal(Private, File.GetUnixFileMode(Target));
        Assert.Single(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void What_cannot_be_looked_at_is_not_taken_for_a_free_name()
    {
        File.WriteAllText(Target, "");
        // A folder that is a file: stat says another error than "not found", as of a disk that fails or a folder that may not be searched.
        var fault = Assert.Throws<PosixException>(() => NewFile.Begin(Path.Combine(Target, "new"), Private));
        Assert.StartsWith($"{Target}/new: stat: ", fault.Message, StringComparison.Ordinal);
        Assert.False(Posix.Exists(Path.Combine(_folder, "absent")));
        Assert.True(Posix.Exists(Target));
    }

    [Fact]
    public void File_that_is_not_finished_leaves_nothing()
    {
        NewFile.Begin(Target, Private).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Killed_attempt_leaves_no_file_of_that_name_and_the_next_one_clears_up()
    {
        // What a kill leaves: nothing disposes it.
        var killed = NewFile.Begin(Target, Private);
        killed.Write("half"u8);
        Assert.False(File.Exists(Target));
        NewFile.Begin(Target, Private).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void Attack27_Existing_file_or_link_of_that_name_is_not_written_over()
    {
        File.WriteAllText(Path.Combine(_folder, "victim"), "untouched");
        File.CreateSymbolicLink(Target, "victim");
        Assert.Throws<IOException>(() => NewFile.Begin(Target, Private));
        File.Delete(Target);
        using (var file = NewFile.Begin(Target, Private))
        {
            file.Write("new"u8);
            file.Sync();
            // Somebody is quicker.
            File.CreateSymbolicLink(Target, "victim");
            Assert.Throws<IOException>(file.GiveName);
        }
        Assert.Equal("untouched", File.ReadAllText(Path.Combine(_folder, "victim")));
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder).Length);
    }
}
