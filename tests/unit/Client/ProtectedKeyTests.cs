using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>The client with a private key that a passphrase protects.</summary>
public sealed class ProtectedKeyTests : IDisposable
{
    private const string Taken = """{"status":"ok","result":{"runtime_applied":["RADIO_ISOLATION"],"reboot_staged":[]},"index":0}""";

    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void Protect_asks_twice_and_a_change_once()
    {
        Protect("open sesame");
        Assert.Equal(["New passphrase of " + SecretFile + ": ", "The same again: "], trial.Asked);
        using FakeBus bus = new(trial.Socket, Taken);
        trial.Passphrases.Enqueue("open sesame");
        Assert.Equal(0, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.True(trial.IsSignedByOperator(Assert.Single(bus.Received)));
        Assert.Equal("Passphrase of " + SecretFile + ": ", trial.Asked[^1]);
    }

    [Theory]
    [InlineData("", "open sesame", "empty")]
    [InlineData("open sesame", "open sesam", "not alike")]
    [InlineData("open sesame", "", "not alike")]
    public void A_passphrase_that_is_empty_or_not_repeated_protects_nothing(string first, string second, string words)
    {
        Assert.Equal(0, trial.Run("key", "show"));
        trial.Passphrases.Enqueue(first);
        trial.Passphrases.Enqueue(second);
        Assert.Equal(4, trial.Run("keys", "protect"));
        Assert.Contains(words, trial.Error, StringComparison.Ordinal);
        Assert.Equal(SigningKey.SeedSizeBytes, new FileInfo(SecretFile).Length);
    }

    [Fact]
    public void Without_anybody_to_ask_it_stops_with_the_mend_and_sends_nothing()
    {
        Protect("open sesame");
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(4, trial.Run("set", "RADIO_ISOLATION", "off", "-o", "json"));
        Assert.Empty(bus.Received);
        Assert.Contains("qwamosctl agent; or give --passphrase-file FILE", trial.PlainError, StringComparison.Ordinal);
        Assert.Equal("key_problem", trial.Json.Members.Single(member => member.Key == "code").Value.AsString);
    }

    [Fact]
    public void A_wrong_passphrase_sends_nothing_and_makes_no_key()
    {
        Protect("open sesame");
        var before = File.ReadAllBytes(SecretFile);
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(4, trial.Run("set", "RADIO_ISOLATION", "off", "--passphrase-file", trial.Write("wrong", "nope\n")));
        Assert.Contains("the passphrase is not that of", trial.Error, StringComparison.Ordinal);
        Assert.Empty(bus.Received);
        Assert.Equal(before, File.ReadAllBytes(SecretFile));
    }

    [Fact]
    public void Scripts_protect_change_and_take_away()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        var seed = File.ReadAllBytes(SecretFile);
        string one = trial.Write("one", "first line\r\nsecond line\n"), two = trial.Write("two", "another");
        Assert.Equal(0, trial.Run("keys", "protect", "--passphrase-file", one, "--comment", "mine", "-o", "json"));
        Assert.True(trial.Json.Members.Single(member => member.Key == "protected").Value.AsBoolean);
        Assert.Contains("comment mine\n", File.ReadAllText(SecretFile), StringComparison.Ordinal);
        Assert.Equal(4, trial.Run("keys", "protect", "--passphrase-file", one));
        Assert.Contains("is protected by a passphrase already", trial.Error, StringComparison.Ordinal);
        Assert.Equal(0, trial.Run("keys", "protect", "--passphrase-file", one, "--new-passphrase-file", two));
        Assert.Contains("comment mine\n", File.ReadAllText(SecretFile), StringComparison.Ordinal);
        Assert.Equal(4, trial.Run("keys", "unprotect", "--passphrase-file", one));
        Assert.Equal(0, trial.Run("keys", "unprotect", "--passphrase-file", two));
        Assert.Equal(seed, File.ReadAllBytes(SecretFile));
        Assert.Equal(4, trial.Run("keys", "unprotect", "--passphrase-file", two));
    }

    [Fact]
    public void Key_show_and_doctor_ask_for_nothing_and_say_that_it_is_protected()
    {
        Protect("open sesame");
        trial.Asked.Clear();
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Contains("protected   yes, by a passphrase", trial.Output, StringComparison.Ordinal);
        trial.Run("doctor");
        Assert.Contains(", protected by a passphrase", trial.Output, StringComparison.Ordinal);
        Assert.Empty(trial.Asked);
    }

    [Theory]
    [InlineData("--passphrase-file", "a", "--passphrase-fd", "3")]
    [InlineData("--passphrase-fd", "1")]
    [InlineData("--passphrase-fd", "-1")]
    [InlineData("--passphrase-file", "")]
    [InlineData("--new-passphrase-file", "x")]
    public void Options_that_make_no_sense_are_a_usage_error(params string[] options)
    {
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Equal(2, trial.Run(["keys", "protect", .. options]));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("25h")]
    [InlineData("1d")]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("99999999999s")]
    public void Times_that_make_no_sense_are_a_usage_error(string time) => Assert.Equal(2, trial.Run("agent", "--lock-after", time));

    [Fact]
    public void An_agent_holds_no_raw_key_and_there_is_none_to_lock()
    {
        Assert.Equal(0, trial.Run("key", "show"));
        Assert.Equal(4, trial.Run("agent"));
        Assert.Contains("is not protected by a passphrase", trial.Error, StringComparison.Ordinal);
        Assert.Equal(3, trial.Run("agent", "--lock"));
    }

    [Fact]
    public void Where_nobody_can_be_asked_protecting_names_no_agent_which_cannot_help()
    {
        Protect("open sesame");
        foreach (var words in new string[][] { ["keys", "unprotect"], ["keys", "protect"] })
        {
            Assert.Equal(4, trial.Run(words));
            Assert.Contains("Run it at a terminal; or give --passphrase-file FILE", trial.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("agent", trial.Error, StringComparison.Ordinal);
        }
        Assert.Equal(4, trial.Run("set", "RADIO_ISOLATION", "off"));
        Assert.Contains(" agent; or give --passphrase-file FILE", trial.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_that_are_proposed_have_the_passphrase_file_that_this_one_was_told_of()
    {
        Assert.Equal(2, trial.Run("set", "RADIO_ISOLATON", "on", "--passphrase-file", "/p"));
        Assert.Contains($"--socket {trial.Socket} --passphrase-file /p keys\n", trial.Error, StringComparison.Ordinal);
    }

    private string SecretFile => Path.Combine(trial.Home, "ed25519_sk");

    private void Protect(string passphrase)
    {
        Assert.Equal(0, trial.Run("key", "show"));
        trial.Passphrases.Enqueue(passphrase);
        trial.Passphrases.Enqueue(passphrase);
        Assert.Equal(0, trial.Run("keys", "protect"));
    }
}
