using System.Diagnostics;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

public sealed class KeyHomeTests : IDisposable
{
    private const string SharedHomeVariable = "QWAMOS_TEST_SHARED_KEY_HOME";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void First_use_makes_a_home_that_only_its_owner_can_use()
    {
        var home = new KeyHome(_directory.At("a/b/dom0"));
        Assert.True(home.TryLoadOrCreate(out var key, out bool created, out string? fault), fault);
        Assert.True(created);
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(home.Directory));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(home.PrivateKeyFile));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(home.PublicKeyFile));
        Assert.Equal(32, File.ReadAllBytes(home.PrivateKeyFile).Length);
        Assert.Equal(key.Public.Raw.ToArray(), File.ReadAllBytes(home.PublicKeyFile));
        Assert.Equal(2, Directory.GetFileSystemEntries(home.Directory).Length);
        key.Dispose();
    }

    [Fact]
    public void Second_use_finds_the_same_key()
    {
        var first = Create(out byte[] seed);
        Assert.True(Home().TryLoadOrCreate(out var key, out bool created, out _));
        Assert.False(created);
        Assert.Equal(first, key.Public.Id);
        Assert.Equal(seed, File.ReadAllBytes(Home().PrivateKeyFile));
        Assert.True(Home().TryLoadPublic(out var publicKey, out _));
        Assert.Equal(first, publicKey.Id);
    }

    [Fact]
    public void Loading_never_makes_a_key()
    {
        var home = Home();
        Assert.False(home.TryLoad(out _, out string? fault));
        Assert.Contains("does not exist", fault, StringComparison.Ordinal);
        Assert.False(Directory.Exists(home.Directory));
    }

    [Fact]
    public void Home_without_its_public_key_is_completed()
    {
        var id = Create(out _);
        File.Delete(Home().PublicKeyFile);
        Assert.True(Home().TryLoad(out var key, out string? fault), fault);
        Assert.Equal(id, key.Public.Id);
        Assert.Equal(key.Public.Raw.ToArray(), File.ReadAllBytes(Home().PublicKeyFile));
    }

    [Fact]
    public void Home_that_lost_its_private_key_gets_no_new_one()
    {
        Create(out _);
        File.Delete(Home().PrivateKeyFile);
        AssertRefused("is missing", "mv ");
        Assert.False(File.Exists(Home().PrivateKeyFile));
    }

    [Fact]
    public void Public_key_of_another_is_refused()
    {
        Create(out _);
        using var other = SigningKey.Generate();
        File.WriteAllBytes(Home().PublicKeyFile, other.Public.Raw.ToArray());
        AssertRefused("does not belong to the private key", "mv ");
    }

    [Theory]
    [InlineData("640")]
    [InlineData("604")]
    [InlineData("660")]
    [InlineData("601")]
    [InlineData("777")]
    public void Attack31_private_key_that_others_can_reach_is_refused_with_chmod(string mode)
    {
        Create(out _);
        File.SetUnixFileMode(Home().PrivateKeyFile, (UnixFileMode)Convert.ToInt32(mode, 8));
        AssertRefused($"mode {mode}", $"chmod 600 {Home().PrivateKeyFile}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    public void Attack31_private_key_of_wrong_size_is_refused_and_kept(int size)
    {
        Create(out _);
        File.WriteAllBytes(Home().PrivateKeyFile, new byte[size]);
        AssertRefused($"has {size} bytes", $"mv {Home().PrivateKeyFile}");
        Assert.Equal(size, File.ReadAllBytes(Home().PrivateKeyFile).Length);
    }

    [Fact]
    public void Attack31_private_key_of_another_owner_is_refused_with_chown()
    {
        Assert.SkipUnless(Posix.IsRoot, "needs root to give a file away");
        Create(out _);
        Posix.ChangeOwner(Home().PrivateKeyFile, uid: 65534, gid: null);
        AssertRefused("belongs to uid 65534", $"sudo chown 0 {Home().PrivateKeyFile}");
    }

    [Fact]
    public void Attack27_hard_link_of_the_private_key_is_refused()
    {
        Create(out _);
        using (var link = System.Diagnostics.Process.Start("ln", [Home().PrivateKeyFile, _directory.At("second")]))
            link.WaitForExit();
        AssertRefused("one of 2 names (hard links)", "cp --remove-destination");
    }

    [Fact]
    public void Attack31_symbolic_link_is_refused()
    {
        Create(out byte[] seed);
        string target = _directory.At("elsewhere");
        File.WriteAllBytes(target, seed);
        File.SetUnixFileMode(target, OwnerOnly);
        File.Delete(Home().PrivateKeyFile);
        File.CreateSymbolicLink(Home().PrivateKeyFile, target);
        AssertRefused("is a symbolic link", "cp --remove-destination");
    }

    [Fact]
    public void Attack31_directory_in_place_of_the_key_is_refused()
    {
        Directory.CreateDirectory(Home().PrivateKeyFile);
        AssertRefused("is a directory, not a key", $"mv {Home().PrivateKeyFile}");
    }

    [Fact]
    public void Attack31_fifo_in_place_of_the_key_is_refused_without_waiting()
    {
        Directory.CreateDirectory(Home().Directory);
        using (var mkfifo = Process.Start("mkfifo", ["-m", "600", Home().PrivateKeyFile]))
            mkfifo.WaitForExit();
        AssertRefused("is a FIFO, not a key", $"mv {Home().PrivateKeyFile}");
    }

    [Fact]
    public void Attack27_home_that_others_can_write_is_refused()
    {
        Create(out _);
        File.SetUnixFileMode(Home().Directory, (UnixFileMode)Convert.ToInt32("770", 8));
        AssertRefused("writable by others", "chmod");
    }

    [Fact]
    public void Attack27_link_in_place_of_the_home_is_refused()
    {
        Directory.CreateDirectory(_directory.At("real"), OwnerOnly | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(Home().Directory, _directory.At("real"));
        AssertRefused("symbolic link");
        Assert.Empty(Directory.GetFileSystemEntries(_directory.At("real")));
    }

    [Fact]
    public void Threads_that_start_at_once_end_with_one_key()
    {
        const int Rounds = 25;
        const int Threads = 8;
        for (int round = 0; round < Rounds; round++)
        {
            string home = _directory.At($"round{round}/dom0");
            var ids = new KeyId?[Threads];
            int created = 0;
            using var start = new Barrier(Threads);
            var threads = Enumerable.Range(0, Threads).Select(i => new Thread(() =>
            {
                start.SignalAndWait();
                if (new KeyHome(home).TryLoadOrCreate(out var key, out bool isNew, out _))
                    ids[i] = key.Public.Id;
                if (isNew)
                    Interlocked.Increment(ref created);
            })).ToArray();
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());

            Assert.Equal(1, created);
            Assert.NotNull(ids[0]);
            Assert.All(ids, id => Assert.Equal(ids[0], id));
            Assert.Equal(2, Directory.GetFileSystemEntries(home).Length);
        }
    }

    /// <summary>This test program runs the test below in several processes at once, in one home.</summary>
    [Fact]
    public async Task Processes_that_start_at_once_end_with_one_key()
    {
        const int Processes = 4;
        string home = _directory.At("shared/dom0");
        var running = Enumerable.Range(0, Processes).Select(_ => StartUserOf(home)).ToList();
        foreach (var process in running)
        {
            string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0, output);
            process.Dispose();
        }

        Assert.Equal(2, Directory.GetFileSystemEntries(home).Length);
    }

    [Fact]
    public void Key_made_by_whoever_came_first_is_the_one_in_the_file()
    {
        string home = Environment.GetEnvironmentVariable(SharedHomeVariable) ?? _directory.At("dom0");
        Assert.True(new KeyHome(home).TryLoadOrCreate(out var key, out _, out string? fault), fault);
        Assert.True(SigningKey.TryLoad(File.ReadAllBytes(new KeyHome(home).PrivateKeyFile), out var stored, out _));
        Assert.Equal(stored.Public.Id, key.Public.Id);
    }

    private static Process StartUserOf(string home)
    {
        // The tests run as their own program or as an assembly of `dotnet exec`.
        string program = Environment.ProcessPath!;
        string[] host = Path.GetFileName(program) == "dotnet" ? ["exec", typeof(KeyHomeTests).Assembly.Location] : [];
        string method = $"{typeof(KeyHomeTests).FullName}.{nameof(Key_made_by_whoever_came_first_is_the_one_in_the_file)}";
        var start = new ProcessStartInfo(program, [.. host, "-method", method]) { RedirectStandardOutput = true };
        start.Environment[SharedHomeVariable] = home;
        return Process.Start(start)!;
    }

    private KeyHome Home() => new(_directory.At("dom0"));

    private KeyId Create(out byte[] seed)
    {
        Assert.True(Home().TryLoadOrCreate(out var key, out _, out string? fault), fault);
        using (key)
        {
            seed = File.ReadAllBytes(Home().PrivateKeyFile);
            return key.Public.Id;
        }
    }

    private void AssertRefused(params string[] parts)
    {
        Assert.False(Home().TryLoadOrCreate(out _, out bool created, out string? fault));
        Assert.False(created);
        Assert.All(parts, part => Assert.Contains(part, fault, StringComparison.Ordinal));
        Assert.False(Home().TryLoad(out _, out _));
    }
}
