using System.Text;
using System.Text.Json;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary><c>qwamosd fsck</c> on ledgers that the published daemon wrote.</summary>
public sealed class FsckTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void SoundLedger_IsSound_WhileTheDaemonRunsAndAfterIt()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Fill();
        CommandResult running = Fsck();
        Assert.True(running.ExitCode == 0, running.Output + running.Error);
        Assert.Contains("is sound: 5 entries", running.Output);
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"on\"").Code());
        Assert.Equal(0, daemon.Stop());
        Assert.Equal(0, _trial.ApplyPending().ExitCode);

        JsonElement stopped = JsonDocument.Parse(Fsck("-o", "json").Output).RootElement;
        Assert.True(stopped.GetProperty("sound").GetBoolean());
        Assert.Equal(6, stopped.GetProperty("entries").GetInt64());
        Assert.Equal(6, stopped.GetProperty("remembered").GetInt64());
    }

    [Fact]
    public void Attack30_AFlippedByte_IsNamedWithItsEntry_AndACopyIsCheckedByItsPath()
    {
        RunningProgram daemon = _trial.StartDaemon();
        Fill();
        Assert.Equal(0, daemon.Stop());
        string copy = _trial.At("/copy.db");
        File.Copy(_trial.LedgerFile, copy);

        byte[] bytes = File.ReadAllBytes(_trial.LedgerFile);
        int at = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes("{\"RADIO_IDLE_TIMEOUT_MIN\":2}"));
        bytes[at + 27 - 1] = (byte)'7';
        File.WriteAllBytes(_trial.LedgerFile, bytes);
        CommandResult damaged = Fsck("-o", "json");
        Assert.Equal(1, damaged.ExitCode);
        JsonElement result = JsonDocument.Parse(damaged.Output).RootElement;
        Assert.False(result.GetProperty("sound").GetBoolean());
        Assert.Equal(2, result.GetProperty("entry").GetInt64());
        Assert.Contains("Entry 2", Fsck().Output);
        Assert.Equal(0, Fsck(copy).ExitCode);
    }

    [Fact]
    public void WhatCannotBeChecked_IsNotSound()
    {
        Assert.Equal(1, Fsck().ExitCode);
        Assert.Equal(1, Fsck("/dev/null").ExitCode);
        Assert.Equal(2, Fsck("--no-such-option").ExitCode);
        Assert.Equal(2, Fsck("-o", "xml").ExitCode);
    }

    private void Fill()
    {
        for (int i = 0; i < 5; i++)
            Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", i.ToString(System.Globalization.CultureInfo.InvariantCulture)).Code());
    }

    private CommandResult Fsck(params string[] arguments) => Command.Run([Binaries.Daemon, "--root", _trial.Root, "fsck", .. arguments]);
}
