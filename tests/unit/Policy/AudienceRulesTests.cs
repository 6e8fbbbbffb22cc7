using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class AudienceRulesTests
{
    private static readonly Dictionary<string, string> Domains = new()
    {
        ["dom0"] = "dom0",
        ["ui"] = "ui",
        ["gateway"] = "gateway",
        ["wifi"] = "gateway",
    };

    [Theory]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "")]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "wifi")]
    [InlineData("""{"RADIO_ISOLATION":"off","CLIPBOARD_ISOLATION":"off"}""", "gateway ui")]
    [InlineData("""{"CRYPTO_BACKEND":"hybrid"}""", "dom0 ui gateway wifi")]
    [InlineData("""{"KERNEL_HARDENING":"strict"}""", "dom0")]
    public void Authority_takes_known_domains_of_the_class_of_some_key(string args, string audience)
        => Assert.Null(AtAuthority(Message(args, audience: Split(audience))));

    [Theory]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "elsewhere")]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "Gateway")]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "gateway ui")]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "dom0")]
    [InlineData("""{"NO_SUCH_KEY":"off"}""", "gateway")]
    [InlineData("""{"CRYPTO_BACKEND":"hybrid"}""", "all")]
    public void Attack11_authority_refuses_any_other_audience(string args, string audience)
        => Assert.Equal(ErrorCode.WrongAudience, AtAuthority(Message(args, audience: Split(audience)))?.Code);

    [Theory]
    [InlineData("dom0", true)]
    [InlineData("gateway dom0", true)]
    [InlineData("gateway", false)]
    [InlineData("dom0 elsewhere", false)]
    public void Attack11_signed_get_status_for_another_domain_is_refused_by_the_authority(string audience, bool isTaken)
        => Assert.Equal(isTaken, AtAuthority(Message(Commands.GetStatus, """{"reveal":true}""", audience: Split(audience))) is null);

    [Theory]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "")]
    [InlineData("""{"RADIO_ISOLATION":"off","CLIPBOARD_ISOLATION":"off"}""", "")]
    [InlineData("""{"CRYPTO_BACKEND":"hybrid"}""", "")]
    [InlineData("""{"CRYPTO_BACKEND":"hybrid"}""", "wifi gateway")]
    public void Receiver_takes_what_concerns_it(string args, string audience)
        => Assert.Null(AtReceiver(Message(args, audience: Split(audience))));

    [Theory]
    [InlineData("""{"RADIO_ISOLATION":"off"}""", "wifi")]
    [InlineData("""{"CLIPBOARD_ISOLATION":"off"}""", "")]
    [InlineData("""{"CLIPBOARD_ISOLATION":"off"}""", "gateway")]
    [InlineData("""{"NO_SUCH_KEY":"off"}""", "")]
    [InlineData("""{"DURESS.enabled":true}""", "")]
    public void Attack11_receiver_refuses_a_list_without_its_name_and_a_change_without_its_keys(string args, string audience)
        => Assert.Equal(ErrorCode.WrongAudience, AtReceiver(Message(args, audience: Split(audience)))?.Code);

    [Theory]
    [InlineData("", true)]
    [InlineData("gateway", true)]
    [InlineData("dom0", false)]
    public void Receiver_takes_a_get_status_for_itself_or_for_all(string audience, bool isTaken)
        => Assert.Equal(isTaken, AtReceiver(Message(Commands.GetStatus, "{}", audience: Split(audience))) is null);

    [Fact]
    public void Refusal_names_the_wrong_domain_and_the_known_ones()
    {
        var reason = AtAuthority(Message("""{"RADIO_ISOLATION":"off"}""", audience: ["gatewy"]))!.Reason;
        Assert.StartsWith("the audience names gatewy, which is not known here; known are ", reason, StringComparison.Ordinal);
        Assert.All(Domains.Keys, name => Assert.Contains(name, reason, StringComparison.Ordinal));
        Assert.EndsWith("(qwamosd reads domains.json when it starts); did you mean gateway?", reason, StringComparison.Ordinal);
        Assert.Contains("names other, not gateway", AtReceiver(Message("""{"RADIO_ISOLATION":"off"}""", audience: ["other"]))!.Reason, StringComparison.Ordinal);
        Assert.InRange(AtAuthority(Message("""{"RADIO_ISOLATION":"off"}""", audience: [new string('x', 60_000)]))!.Reason.Length, 1, 400);
    }

    [Fact]
    public void Refusal_names_few_of_a_thousand_domains_and_searches_none()
    {
        var many = Enumerable.Range(0, 1_000).ToDictionary(number => $"vm{number:000}", _ => "gateway", StringComparer.Ordinal);
        var reason = AudienceRules.ForAuthority(Schema, many)(Message("""{"RADIO_ISOLATION":"off"}""", audience: ["vm9999"]))!.Reason;
        Assert.Contains("known are vm000, vm001, vm002, vm003, vm004, vm005, vm006, vm007, and 992 more (", reason, StringComparison.Ordinal);
        Assert.DoesNotContain("did you mean", reason, StringComparison.Ordinal);
    }

    private static Refusal? AtAuthority(Message message) => AudienceRules.ForAuthority(Schema, Domains)(message);

    private static Refusal? AtReceiver(Message message) => AudienceRules.ForReceiver(Schema, "gateway", "gateway")(message);

    private static string[]? Split(string audience) => audience.Length == 0 ? null : audience.Split(' ');
}
