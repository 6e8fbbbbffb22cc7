using System.Diagnostics;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Keys;

public sealed class AnchorTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SigningKey _key = SigningKey.Generate();
    private readonly SystemPaths _paths;

    public AnchorTests()
    {
        Assert.True(SystemPaths.TryCreate(_directory.At("root"), out var paths, out _));
        _paths = paths;
        TrialTree.MakeMissing(paths);
    }

    public void Dispose()
    {
        _key.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void File_of_32_bytes_put_there_by_hand_is_an_anchor()
    {
        File.WriteAllBytes(_paths.AnchorFile, _key.Public.Raw.ToArray());
        Assert.True(Anchor.TryLoad(_paths, null, out var key, out _));
        Assert.Equal(_key.Public.Id, key.Id);
    }

    [Fact]
    public void Absent_anchor_is_said_to_be_absent()
    {
        Assert.False(Anchor.TryLoad(_paths, null, out _, out var fault));
        Assert.True(fault.IsAbsent);
        Assert.EndsWith($"run: qwamosd --root {_paths.Root} enroll FILE", fault.Text, StringComparison.Ordinal);
        Assert.False(Anchor.TryLoad(_paths, null, out _, out fault, isGateway: true));
        Assert.EndsWith($"run: gateway-policyd --root {_paths.Root} enroll FILE --system HEX (HEX: the content of Dom0's /etc/qwamos/system.id)", fault.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Key_home_is_the_fallback_in_a_trial()
    {
        var home = new KeyHome(_directory.At("home"));
        Assert.True(home.TryLoadOrCreate(out var own, out _, out _));
        Assert.True(Anchor.TryLoad(_paths, home.Directory, out var key, out _));
        Assert.Equal(own.Public.Id, key.Id);
    }

    [Fact]
    public void Bad_anchor_never_falls_back()
    {
        var home = new KeyHome(_directory.At("home"));
        Assert.True(home.TryLoadOrCreate(out _, out _, out _));
        foreach (byte[] bad in new byte[][] { [], new byte[31], new byte[32], new byte[33], [.. _key.Public.Raw, (byte)'\n'] })
        {
            File.WriteAllBytes(_paths.AnchorFile, bad);
            Assert.False(Anchor.TryLoad(_paths, home.Directory, out _, out var fault));
            Assert.False(fault.IsAbsent);
        }
    }

    [Theory]
    [InlineData("link")]
    [InlineData("dangling link")]
    [InlineData("directory")]
    [InlineData("writable")]
    [InlineData("hard link")]
    [InlineData("open directory")]
    public void Attack27_anchor_that_others_could_change_never_falls_back(string how)
    {
        var home = new KeyHome(_directory.At("home"));
        Assert.True(home.TryLoadOrCreate(out _, out _, out _));
        if (how is not ("link" or "dangling link" or "directory"))
            File.WriteAllBytes(_paths.AnchorFile, _key.Public.Raw.ToArray());
        switch (how)
        {
            case "link": File.CreateSymbolicLink(_paths.AnchorFile, home.PublicKeyFile); break;
            case "dangling link": File.CreateSymbolicLink(_paths.AnchorFile, _directory.At("nowhere")); break;
            case "directory": Directory.CreateDirectory(_paths.AnchorFile); break;
            case "writable": File.SetUnixFileMode(_paths.AnchorFile, (UnixFileMode)Convert.ToInt32("666", 8)); break;
            case "hard link": Process.Start("ln", [_paths.AnchorFile, _directory.At("second")]).WaitForExit(); break;
            default: File.SetUnixFileMode(_paths.EtcDir, (UnixFileMode)Convert.ToInt32("777", 8)); break;
        }

        Assert.False(Anchor.TryLoad(_paths, home.Directory, out _, out var fault));
        Assert.False(fault.IsAbsent);
    }

    [Fact]
    public void System_id_is_made_once()
    {
        Assert.False(SystemId.TryLoad(_paths, out _, out _));
        Assert.True(SystemId.TryLoadOrCreate(_paths, out string? first, out _));
        Assert.True(SystemId.TryLoadOrCreate(_paths, out string? second, out _));
        Assert.True(SystemId.TryLoad(_paths, out string? third, out _));
        Assert.Equal(first, second);
        Assert.Equal(first, third);
        Assert.Equal(first + "\n", File.ReadAllText(_paths.SystemIdFile));
        Assert.Matches("^[0-9a-f]{32}$", first);
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(_paths.SystemIdFile), 8));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0123")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF\n")]
    [InlineData("0123456789abcdef0123456789abcdef\n\n")]
    [InlineData("0123456789abcdef0123456789abcde\n")]
    [InlineData("0123456789abcdef0123456789abcdeg")]
    public void System_id_of_another_form_is_refused_and_kept(string content)
    {
        File.WriteAllText(_paths.SystemIdFile, content);
        Assert.False(SystemId.TryLoadOrCreate(_paths, out _, out _));
        Assert.Equal(content, File.ReadAllText(_paths.SystemIdFile));
    }
}
