using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>Base, order, values and domains: what refuses a change at the authority, in the order of the codes.</summary>
public sealed class PolicyRulesTests
{
    private const string EmptyHash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    [Fact]
    public void Zero_value_of_a_decision_is_a_refusal()
    {
        Assert.False(default(PolicyDecision).IsAccepted);
        Assert.False(default(PolicyDecision).TryGet(out _, out _, out var refusal));
        Assert.Equal(ErrorCode.Refused, refusal.Code);
    }

    [Fact]
    public void Only_a_set_policy_can_be_decided()
        => Assert.Throws<ArgumentException>(() => Decide(PolicyState.Empty, Message(Commands.GetStatus, "{}")));

    [Fact]
    public void Base_of_a_class_where_nothing_is_set_is_the_hash_of_the_empty_object()
    {
        Assert.Equal(EmptyHash, PolicyState.Empty.BaseHash(Schema, "gateway"));
        Accepted(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off"}""", @base: new() { ["gateway"] = EmptyHash }));
    }

    [Fact]
    public void Base_is_of_applied_values_only_not_of_staged_ones_or_defaults()
    {
        var state = PolicyState.Empty
            .After("""{"KERNEL_HARDENING":"strict"}""")
            .After("""{"RADIO_ISOLATION":"off"}""", mode: "staged");
        Assert.All(Schema.Classes, name => Assert.Equal(EmptyHash, state.BaseHash(Schema, name)));
    }

    [Fact]
    public void Base_is_a_hash_a_class_and_all_is_a_class_of_its_own()
    {
        var state = PolicyState.Empty.After("""{"CRYPTO_BACKEND":"hybrid"}""").MoveToPolicy("CRYPTO_BACKEND", 7);
        Assert.NotEqual(EmptyHash, state.BaseHash(Schema, "all"));
        Assert.All(["gateway", "ui", "dom0"], name => Assert.Equal(EmptyHash, state.BaseHash(Schema, name)));
    }

    [Fact]
    public void Base_is_SHA_256_of_JCS_of_the_values()
    {
        var state = PolicyState.Empty.After("""{"TOR_ISOLATION":"off","RADIO_IDLE_TIMEOUT_MIN":5,"CLIPBOARD_ISOLATION":"off"}""");
        var expected = System.Security.Cryptography.SHA256.HashData("{\"RADIO_IDLE_TIMEOUT_MIN\":5,\"TOR_ISOLATION\":\"off\"}"u8);
        Assert.Equal(Convert.ToHexStringLower(expected), state.BaseHash(Schema, "gateway"));
    }

    [Fact]
    public void Attack16_of_two_changes_with_the_same_base_exactly_one_wins()
    {
        var @base = new Dictionary<string, string> { ["gateway"] = EmptyHash };
        var state = Accepted(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off"}""", @base: @base)).State;
        var refusal = Refused(state, Message("""{"TOR_ISOLATION":"off"}""", T + 1, @base: @base));
        Assert.Equal(ErrorCode.BaseMismatch, refusal.Code);
        Assert.Contains("class gateway", refusal.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Base_of_a_class_that_does_not_exist_is_a_mismatch()
    {
        var refusal = Refused(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off"}""", @base: new() { ["gatway"] = EmptyHash }));
        Assert.Equal(ErrorCode.BaseMismatch, refusal.Code);
        Assert.Contains("gatway", refusal.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Base_of_another_class_is_compared_too_at_the_authority()
    {
        var state = PolicyState.Empty.After("""{"CLIPBOARD_ISOLATION":"off"}""");
        var message = Message("""{"RADIO_ISOLATION":"off"}""", @base: new() { ["gateway"] = EmptyHash, ["ui"] = EmptyHash });
        Assert.Equal(ErrorCode.BaseMismatch, Refused(state, message).Code);
    }

    [Fact]
    public void Older_timestamp_of_one_key_supersedes_the_whole_message_and_says_by_how_much()
    {
        var state = PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}""", T + 42);
        var refusal = Refused(state, Message("""{"TOR_ISOLATION":"off","RADIO_ISOLATION":"off"}""", T));
        Assert.Equal(ErrorCode.Superseded, refusal.Code);
        Assert.Contains("42 seconds behind", refusal.Reason, StringComparison.Ordinal);
        Assert.Equal("RADIO_ISOLATION", Assert.Single(refusal.Faults!).Key);
    }

    [Fact]
    public void Equal_timestamp_is_not_superseded()
        => Accepted(PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}"""), Message("""{"RADIO_ISOLATION":"on"}"""));

    [Fact]
    public void Older_message_about_another_key_is_not_superseded()
        => Accepted(PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}""", T + 42), Message("""{"TOR_ISOLATION":"off"}"""));

    [Theory]
    [InlineData("""{"KERNEL_HARDENING":"strict"}""", null)] // reboot_staged
    [InlineData("""{"RADIO_ISOLATION":"off"}""", null)] // runtime_applied
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "staged")]
    public void Timestamp_counts_however_the_key_was_taken(string args, string? mode)
    {
        var state = PolicyState.Empty.After(args, T + 1, mode);
        Assert.Equal(ErrorCode.Superseded, Refused(state, Message(args, T)).Code);
        Assert.Equal(T + 1, state.FloorSeconds);
    }

    [Fact]
    public void Timestamp_counts_for_a_key_that_was_unstaged_or_stood_already()
    {
        var state = PolicyState.Empty.After("""{"KERNEL_HARDENING":"strict"}""").MoveToPolicy("KERNEL_HARDENING", 7)
            .After("""{"KERNEL_HARDENING":"strict"}""", T + 5);
        Assert.Equal(T + 5, state.LastTimestamps["KERNEL_HARDENING"]);
        Assert.Equal(ErrorCode.Superseded, Refused(state, Message("""{"KERNEL_HARDENING":"default"}""", T + 4)).Code);
    }

    [Fact]
    public void Base_is_checked_before_order_order_before_values_and_values_before_domains()
    {
        var state = PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}""", T + 1);
        const string args = """{"RADIO_ISOLATION":"never","DURESS.enabled":true}""";
        Assert.Equal(ErrorCode.BaseMismatch, Refused(state, Message(args, T, @base: new() { ["gateway"] = EmptyHash })).Code);
        Assert.Equal(ErrorCode.Superseded, Refused(state, Message(args, T)).Code);
        Assert.Equal(ErrorCode.InvalidPolicy, Refused(state, Message(args, T + 1)).Code);
        Assert.Equal(ErrorCode.MixedDomains, Refused(state, Message("""{"RADIO_ISOLATION":"on","DURESS.enabled":true}""", T + 1)).Code);
    }

    [Fact]
    public void All_faults_are_reported_at_once_and_nothing_is_applied()
    {
        var refusal = Refused(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"maybe","TOR_ISOLATON":"off","RADIO_IDLE_TIMEOUT_MIN":1000,"TOR_ISOLATION":"off"}"""));
        Assert.Equal(["RADIO_ISOLATION", "TOR_ISOLATON", "RADIO_IDLE_TIMEOUT_MIN"], refusal.Faults!.Select(fault => fault.Key));
    }

    [Fact]
    public void Attack20_refusal_stays_short_whatever_the_message_names()
    {
        var names = Enumerable.Range(10, 64).Select(i => $"\"{i}{new string('X', 900)}\":1");
        var refusal = Refused(PolicyState.Empty, Message($"{{{string.Join(',', names)}}}"));
        Assert.Equal(64, refusal.Faults!.Count);
        Assert.InRange(refusal.Reason.Length, 1, 512);
        Assert.All(refusal.Faults, fault => Assert.InRange(fault.Key.Length + fault.Reason.Length, 1, 128));
        Assert.Contains("and 58 more", refusal.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"RADIO_IDLE_TIMEOUT_MIN":"5"}""")]
    [InlineData("""{"RADIO_IDLE_TIMEOUT_MIN":-1}""")]
    [InlineData("""{"RADIO_IDLE_TIMEOUT_MIN":true}""")]
    [InlineData("""{"RADIO_IDLE_TIMEOUT_MIN":null}""")]
    [InlineData("""{"RADIO_ISOLATION":true}""")]
    [InlineData("""{"RADIO_ISOLATION":["on"]}""")]
    [InlineData("""{"RADIO_ISOLATION":{}}""")]
    [InlineData("""{"RADIO_ISOLATION":"ON"}""")]
    [InlineData("""{"RADIO_ISOLATION":"on\n"}""")]
    [InlineData("""{"DURESS.enabled":"true"}""")]
    [InlineData("""{"DURESS.enabled":1}""")]
    [InlineData("""{"radio_isolation":"on"}""")]
    public void Attack21_value_of_another_type_or_form_is_refused(string args)
        => Assert.Equal(ErrorCode.InvalidPolicy, Refused(PolicyState.Empty, Message(args)).Code);

    [Fact]
    public void Values_of_an_earlier_schema_are_not_judged_again()
    {
        var state = PolicyState.Empty.After("""{"TOR_ISOLATION":"mandatory","VPN_KILL_SWITCH":"on"}""");
        var newer = LoadSchema(SchemaOf(
            Key("TOR_ISOLATION", "\"type\":\"string\",\"enum\":[\"optional\",\"off\"],\"default\":\"off\""),
            Key("NEW", "\"type\":\"boolean\",\"default\":false")));
        var next = Accepted(state, Message("""{"NEW":true}""", T + 1), schema: newer).State;
        Assert.Equal("mandatory", next.Policy["TOR_ISOLATION"].Value.ToLine());
        Assert.Equal(ErrorCode.InvalidPolicy, Refused(state, Message("""{"TOR_ISOLATION":"mandatory"}""", T + 1), schema: newer).Code);
        Assert.Equal(ErrorCode.InvalidPolicy, Refused(state, Message("""{"VPN_KILL_SWITCH":"on"}""", T + 1), schema: newer).Code);
    }

    [Theory]
    [InlineData("""{"DURESS.enabled":true,"RADIO_ISOLATION":"off"}""")]
    [InlineData("""{"DURESS.enabled":true,"CRYPTO_BACKEND":"hybrid"}""")]
    [InlineData("""{"DURESS.enabled":true,"CLIPBOARD_ISOLATION":"off","KERNEL_HARDENING":"strict"}""")]
    public void Confidential_key_with_a_key_of_another_class_is_refused(string args)
    {
        var refusal = Refused(PolicyState.Empty, Message(args));
        Assert.Equal(ErrorCode.MixedDomains, refusal.Code);
        Assert.Contains("DURESS.enabled", refusal.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"DURESS.enabled":true,"DURESS.gesture":"triple-power","KERNEL_HARDENING":"strict"}""")]
    [InlineData("""{"RADIO_ISOLATION":"off","KERNEL_HARDENING":"strict","CRYPTO_BACKEND":"hybrid","CLIPBOARD_ISOLATION":"off"}""")]
    public void Keys_of_one_class_and_keys_that_are_not_confidential_may_stand_together(string args)
        => Accepted(PolicyState.Empty, Message(args));

    [Fact]
    public void Mixed_change_splits_into_one_message_a_guarded_class_and_one_for_the_rest()
    {
        string[] names = ["RADIO_ISOLATION", "DURESS.enabled", "KERNEL_HARDENING", "CRYPTO_BACKEND"];
        var groups = ChangeGroups.Split(names.Select(name => Schema.TryGet(name, out var key) ? key : throw new InvalidOperationException(name)));
        Assert.Equal(
            ["RADIO_ISOLATION CRYPTO_BACKEND", "DURESS.enabled KERNEL_HARDENING"],
            groups.Select(group => string.Join(' ', group.Select(key => key.Name))));
        Assert.Empty(ChangeGroups.Split([]));
    }
}
