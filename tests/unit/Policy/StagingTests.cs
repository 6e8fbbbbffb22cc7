using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

/// <summary>What an accepted change does: each sentence of DESIGN section 3 "Answers" and section 5 about applying and staging.</summary>
public sealed class StagingTests
{
    [Fact]
    public void Runtime_key_is_applied_and_reboot_key_staged()
    {
        var (outcome, state) = Accepted(PolicyState.Empty, Message("""{"KERNEL_HARDENING":"strict","RADIO_ISOLATION":"off","TOR_ISOLATION":"off"}"""));
        Assert.Equal(["RADIO_ISOLATION", "TOR_ISOLATION"], outcome.Applied);
        Assert.Equal(["KERNEL_HARDENING"], outcome.Staged);
        Assert.Empty(outcome.Unstaged);
        Assert.Equal(new Applied(PolicyValue.Of("off"), 7), state.Policy["RADIO_ISOLATION"]);
        Assert.Equal(new Applied(PolicyValue.Of("strict"), 7), state.Staged["KERNEL_HARDENING"]);
        Assert.False(state.Policy.ContainsKey("KERNEL_HARDENING"));
    }

    [Fact]
    public void Lists_are_in_the_order_of_the_message()
        => Assert.Equal(
            ["VPN_KILL_SWITCH", "CLIPBOARD_ISOLATION", "RADIO_ISOLATION"],
            Accepted(PolicyState.Empty, Message("""{"VPN_KILL_SWITCH":"on","CLIPBOARD_ISOLATION":"off","RADIO_ISOLATION":"off"}""")).Outcome.Applied);

    [Fact]
    public void Runtime_key_already_at_that_value_is_listed_as_applied()
    {
        var state = PolicyState.Empty.After("""{"RADIO_ISOLATION":"off"}""");
        var (outcome, next) = Accepted(state, Message("""{"RADIO_ISOLATION":"off"}"""), index: 8);
        Assert.Equal(["RADIO_ISOLATION"], outcome.Applied);
        Assert.Equal(8, next.Policy["RADIO_ISOLATION"].Index);
    }

    [Fact]
    public void Staged_mode_applies_nothing()
    {
        var (outcome, state) = Accepted(PolicyState.Empty, Message("""{"RADIO_ISOLATION":"off","KERNEL_HARDENING":"strict"}""", mode: "staged"));
        Assert.Empty(outcome.Applied);
        Assert.Equal(["RADIO_ISOLATION", "KERNEL_HARDENING"], outcome.Staged);
        Assert.Empty(state.Policy);
    }

    [Theory]
    [InlineData("""{"KERNEL_HARDENING":"strict"}""", null)]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "staged")]
    public void Key_that_equals_the_current_value_is_in_neither_list(string args, string? mode)
    {
        var state = PolicyState.Empty.After(args, mode: mode ?? "staged");
        state = state.MoveToPolicy(state.Staged.Keys.Single(), 7);
        var (outcome, next) = Accepted(state, Message(args, mode: mode));
        Assert.Empty(outcome.Applied);
        Assert.Empty(outcome.Staged);
        Assert.Empty(outcome.Unstaged);
        Assert.Empty(next.Staged);
    }

    [Fact]
    public void Setting_a_staged_key_to_its_current_value_unstages_it()
    {
        var state = PolicyState.Empty.After("""{"KERNEL_HARDENING":"strict"}""").MoveToPolicy("KERNEL_HARDENING", 7)
            .After("""{"KERNEL_HARDENING":"paranoid"}""", index: 8);
        var (outcome, next) = Accepted(state, Message("""{"KERNEL_HARDENING":"strict"}"""), index: 9);
        Assert.Equal(["KERNEL_HARDENING"], outcome.Unstaged);
        Assert.Empty(outcome.Staged);
        Assert.Empty(next.Staged);
        Assert.Equal(7, next.Policy["KERNEL_HARDENING"].Index);
    }

    [Fact]
    public void Staged_message_that_sets_a_runtime_key_to_its_current_value_unstages_it()
    {
        var state = PolicyState.Empty.After("""{"RADIO_ISOLATION":"on"}""").After("""{"RADIO_ISOLATION":"off"}""", mode: "staged");
        var (outcome, next) = Accepted(state, Message("""{"RADIO_ISOLATION":"on"}""", mode: "staged"));
        Assert.Equal(["RADIO_ISOLATION"], outcome.Unstaged);
        Assert.Empty(next.Staged);
    }

    [Fact]
    public void Latest_change_of_a_key_replaces_what_was_staged_for_it()
    {
        var state = PolicyState.Empty.After("""{"KERNEL_HARDENING":"strict"}""");
        var (outcome, next) = Accepted(state, Message("""{"KERNEL_HARDENING":"paranoid"}"""), index: 8);
        Assert.Equal(["KERNEL_HARDENING"], outcome.Staged);
        Assert.Equal(new Applied(PolicyValue.Of("paranoid"), 8), next.Staged["KERNEL_HARDENING"]);
    }

    [Theory]
    [InlineData("on")]
    [InlineData("off")]
    public void Runtime_change_replaces_what_was_staged_for_the_key(string value)
    {
        var state = PolicyState.Empty.After("""{"RADIO_ISOLATION":"on"}""").After("""{"RADIO_ISOLATION":"off"}""", mode: "staged");
        var (outcome, next) = Accepted(state, Message($"{{\"RADIO_ISOLATION\":\"{value}\"}}"));
        Assert.Equal(["RADIO_ISOLATION"], outcome.Applied);
        Assert.Empty(outcome.Unstaged);
        Assert.Empty(next.Staged);
        Assert.Equal(value, next.Policy["RADIO_ISOLATION"].Value.ToLine());
    }

    [Fact]
    public void Key_never_set_has_no_current_value_so_setting_its_default_is_a_change()
    {
        var (outcome, state) = Accepted(PolicyState.Empty, Message("""{"KERNEL_HARDENING":"default","RADIO_ISOLATION":"on"}"""));
        Assert.Equal(["KERNEL_HARDENING"], outcome.Staged);
        Assert.Equal(["RADIO_ISOLATION"], outcome.Applied);
        Assert.Equal(["RADIO_ISOLATION"], state.Policy.Keys);
    }

    [Fact]
    public void Key_staged_but_never_applied_has_no_current_value_to_go_back_to()
    {
        var state = PolicyState.Empty.After("""{"KERNEL_HARDENING":"strict"}""");
        Assert.Equal(["KERNEL_HARDENING"], Accepted(state, Message("""{"KERNEL_HARDENING":"default"}""")).Outcome.Staged);
    }

    [Fact]
    public void Boot_moves_what_is_in_force_or_recorded_and_keeps_what_failed()
    {
        var state = PolicyState.Empty.After("""{"KERNEL_HARDENING":"strict","BOOT_VERIFICATION":"strict","CRYPTO_BACKEND":"hybrid"}""");
        var next = state.Import(BootNote.Applied(
            4,
            T,
            [
                new BootResult("KERNEL_HARDENING", 7, BootResult.InForceAfterReboot, ""),
                new BootResult("CRYPTO_BACKEND", 7, BootResult.Recorded, ""),
                BootResult.Failed("BOOT_VERIFICATION", 7, "no space"),
            ]));
        Assert.Equal(["CRYPTO_BACKEND", "KERNEL_HARDENING"], next.Policy.Keys);
        Assert.Equal(["BOOT_VERIFICATION"], next.Staged.Keys);
        Assert.Equal(4, next.LastNote);
        Assert.Equal(state.FloorSeconds, next.FloorSeconds);
    }

    [Fact]
    public void Boot_result_about_something_staged_earlier_changes_nothing()
    {
        var state = PolicyState.Empty.After("""{"KERNEL_HARDENING":"strict"}""", index: 8);
        Assert.Same(state, state.MoveToPolicy("KERNEL_HARDENING", 7));
        Assert.Same(state, state.MoveToPolicy("BOOT_VERIFICATION", 8));
    }
}
