using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

public sealed class ApplyTests : IDisposable
{
    private const string Taken = """{"status":"ok","result":{"runtime_applied":[],"reboot_staged":[]}}""";
    private readonly ClientTrial trial = new();

    public void Dispose() => trial.Dispose();

    [Fact]
    public void A_file_is_one_message()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("apply", trial.Write("policy.json", """{"RADIO_ISOLATION":"off","RADIO_IDLE_TIMEOUT_MIN":0,"CRYPTO_BACKEND":"hybrid"}""")));
        Assert.Contains("""{"CRYPTO_BACKEND":"hybrid","RADIO_IDLE_TIMEOUT_MIN":0,"RADIO_ISOLATION":"off"}""", Assert.Single(bus.Received));
    }

    [Fact]
    public void The_older_spelling_does_the_same()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("--policy-file", trial.Write("policy.json", """{"RADIO_ISOLATION":"off"}"""), "apply"));
        Assert.Contains("""{"RADIO_ISOLATION":"off"}""", Assert.Single(bus.Received));
    }

    [Fact]
    public void A_file_that_is_not_JSON_is_faulted_by_line_and_column_with_the_way_to_convert_it()
    {
        var file = trial.Write("policy.conf", "{\n  RADIO_ISOLATION=off\n");
        Assert.Equal(1, trial.Run("apply", file));
        Assert.Contains("(line 2, column 3)", trial.Error);
        Assert.Contains($"An old policy.conf? qwamosctl convert {file}", trial.PlainError);
    }

    [Fact]
    public void A_dash_reads_standard_input()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        trial.Input = """{"RADIO_ISOLATION":"off"}""";
        Assert.Equal(0, trial.Run("apply", "-"));
        Assert.Contains("""{"RADIO_ISOLATION":"off"}""", Assert.Single(bus.Received));
    }

    [Fact]
    public void Confidential_keys_among_others_go_in_messages_of_their_own_and_it_says_so()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(0, trial.Run("apply", trial.Write("policy.json", """{"RADIO_ISOLATION":"off","DURESS.enabled":true,"CRYPTO_BACKEND":"hybrid","DURESS.gesture":"triple-power"}""")));
        var sent = bus.Received;
        Assert.Equal(2, sent.Count);
        Assert.Contains("""{"CRYPTO_BACKEND":"hybrid","RADIO_ISOLATION":"off"}""", sent[0]);
        Assert.Contains("""{"DURESS.enabled":true,"DURESS.gesture":"triple-power"}""", sent[1]);
        Assert.Contains("2 messages", trial.Error);
    }

    [Fact]
    public void A_refused_first_message_stops_the_second_and_it_says_so()
    {
        using FakeBus bus = new(trial.Socket, """{"status":"error","reason":"no","code":"superseded"}""");
        Assert.Equal(1, trial.Run("apply", trial.Write("policy.json", """{"RADIO_ISOLATION":"off","DURESS.enabled":true}""")));
        Assert.Single(bus.Received);
        Assert.Contains("Stopped at message 1 of 2: 0 taken, 1 not sent.", trial.Error);
    }

    [Fact]
    public void A_base_cannot_be_given_for_several_messages()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        var file = trial.Write("policy.json", """{"RADIO_ISOLATION":"off","DURESS.enabled":true}""");
        Assert.Equal(2, trial.Run("apply", file, "--base", "dom0=" + new string('0', 64)));
        Assert.Empty(bus.Received);
    }

    [Fact]
    public void All_faults_are_told_at_once()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(1, trial.Run("apply", trial.Write("bad.json", """{"RADIO_IDLE_TIMEOUT_MIN":5000,"NO_SUCH_KEY":1,"RADIO_ISOLATION":"offf"}""")));
        Assert.Contains("RADIO_IDLE_TIMEOUT_MIN: ", trial.Error);
        Assert.Contains("NO_SUCH_KEY: ", trial.Error);
        Assert.Contains("did you mean off?", trial.Error);
        Assert.Empty(bus.Received);
    }

    [Fact]
    public void Attack36_an_irreversible_value_in_a_file_is_refused()
    {
        using FakeBus bus = new(trial.Socket, Taken);
        var file = trial.Write("fire.json", """{"GHOST.trigger":"fire"}""");
        Assert.Equal(1, trial.Run("apply", file));
        Assert.Contains("cannot be undone", trial.Error);
        Assert.Equal(1, trial.Run("validate", file));
        Assert.Empty(bus.Received);
    }

    [Theory]
    [InlineData("""{"RADIO_ISOLATION":"off","RADIO_ISOLATION":"on"}""")]
    [InlineData("""{"RADIO_ISOLATION":"off","RADIO_\u0049SOLATION":"on"}""")]
    [InlineData("""{"RADIO_ISOLATION":"off",}""")]
    [InlineData("""{"RADIO_ISOLATION":"off"} // really""")]
    [InlineData("\ufeff{\"RADIO_ISOLATION\":\"off\"}")]
    [InlineData("""["RADIO_ISOLATION"]""")]
    [InlineData("{}")]
    [InlineData("")]
    public void Attack17_18_a_file_that_is_not_strict_json_is_refused(string content)
    {
        using FakeBus bus = new(trial.Socket, Taken);
        Assert.Equal(1, trial.Run("apply", trial.Write("bad.json", content)));
        Assert.Empty(bus.Received);
    }

    [Fact]
    public void A_file_that_is_absent_too_long_or_a_directory_is_refused_with_a_sentence()
    {
        Assert.Equal(1, trial.Run("apply", Path.Combine(trial.Root, "absent")));
        Assert.Contains("there is no such file", trial.Error);
        Assert.Equal(1, trial.Run("apply", trial.Root));
        Assert.Contains("it is a directory", trial.Error);
        Assert.Equal(1, trial.Run("apply", trial.Write("long.json", new string(' ', Limits.MaxRequestBytes + 1))));
        Assert.Contains("is longer than", trial.Error);
    }

    [Fact]
    public void Apply_without_a_file_or_with_two_is_a_usage_error()
    {
        Assert.Equal(2, trial.Run("apply"));
        Assert.Equal(2, trial.Run("--policy-file", "a", "apply", "b"));
        Assert.Equal(2, trial.Run("--policy-file", "a", "status"));
    }

    [Theory]
    [InlineData("5.0")]
    [InlineData("5e0")]
    [InlineData("-0")]
    public void A_number_that_the_wire_does_not_carry_is_a_fault_and_is_never_left_out(string number)
    {
        using FakeBus bus = new(trial.Socket, Taken);
        var file = trial.Write("policy.json", $$"""{"RADIO_ISOLATION":"off","RADIO_IDLE_TIMEOUT_MIN":{{number}}}""");
        Assert.Equal(1, trial.Run("apply", file));
        Assert.Contains("RADIO_IDLE_TIMEOUT_MIN: must be integer 0-999, written without fraction and exponent", trial.Error);
        Assert.Equal(1, trial.Run("validate", file));
        Assert.Empty(bus.Received);
    }

    [Fact]
    public void Standard_input_is_called_so()
    {
        trial.Input = """{"":1}""";
        Assert.Equal(1, trial.Run("validate", "-"));
        Assert.Equal("qwamosctl: standard input is not a valid policy.\n  an empty name is not a policy key\n", trial.Error);
    }

    [Fact]
    public void A_valid_file_is_valid()
    {
        Assert.Equal(0, trial.Run("validate", trial.Write("policy.json", """{"RADIO_ISOLATION":"off","DURESS.enabled":true}""")));
        Assert.Equal("valid: 2 keys\n", trial.Output);
    }
}
