using System.Text;
using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing;
using Xunit;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>What the daemon and a hook's unit say to each other, read as from a stranger.</summary>
public sealed class HookCallTests
{
    public static TheoryData<PolicyValue> Values => [PolicyValue.Of("off\n\0\"\\"), PolicyValue.Of(999), PolicyValue.Of(true)];

    [Theory]
    [MemberData(nameof(Values))]
    public void ACall_ComesAsItWent(PolicyValue value)
    {
        var call = new HookCall("RADIO_HARDENING.level", value, 7, "gateway");
        Assert.True(HookCall.TryRead(call.ToJson(), out HookCall? read, out string? fault), fault);
        Assert.Equal(call, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"class":"gateway","index":7,"key":"../x","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"/etc/passwd","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":".hidden","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY\u0000x","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK","value":"off"}""")]
    [InlineData("""{"class":"../x","index":7,"key":"KEY","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":-1,"key":"KEY","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":1.5,"key":"KEY","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY","value":["off"]}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY","value":1.5}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY","value":null}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY","key":"KEY","value":"off"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY","value":"off","path":"/bin/sh"}""")]
    [InlineData("""{"class":"gateway","index":7,"key":"KEY","value":"off"} x""")]
    public void Attack20_WhatIsNoCall_IsRefused(string text)
    {
        Assert.False(HookCall.TryRead(Encoding.UTF8.GetBytes(text), out HookCall? call, out string? fault));
        Assert.Null(call);
        Assert.NotEqual("", fault);
    }

    [Fact]
    public void Attack20_ACallAboveItsLimit_IsRefused()
    {
        string value = new('x', Limits.MaxHookCallBytes);
        Assert.False(HookCall.TryRead(new HookCall("KEY", PolicyValue.Of(value), 7, "gateway").ToJson(), out _, out string? fault));
        Assert.Contains("longer than 65535 bytes", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void AnAnswer_ComesAsItWent_WhateverTheHookPrinted()
    {
        HookAnswer[] answers =
        [
            new(EnforcementOutcome.Done, "\0\u001b[31m\n"), new(EnforcementOutcome.NoEnforcer, ""), new(EnforcementOutcome.Failed("exit code 3"), new string('\u0001', Limits.MaxHookOutputBytes)),
        ];
        Assert.All(answers, answer =>
        {
            byte[] json = answer.ToJson();
            Assert.InRange(json.Length, 1, Limits.MaxAnswerBytes);
            Assert.Equal(answer, HookAnswer.Read(json));
        });
        // No character of I-JSON: shown in another's place, and the answer is not lost.
        Assert.Equal("\uFFFD", HookAnswer.Read(new HookAnswer(EnforcementOutcome.Done, "\uFFFF").ToJson()).Output);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"output":"","state":"in_force"}""")]
    [InlineData("""{"output":"","state":"done","why":""}""")]
    [InlineData("""{"output":"","state":"waiting","why":""}""")]
    [InlineData("""{"output":"","state":true,"why":""}""")]
    [InlineData("""{"output":"","state":"in_force","state":"failed","why":""}""")]
    [InlineData("""{"more":1,"output":"","state":"in_force","why":""}""")]
    public void Attack32_WhatIsNoAnswer_IsAFailure(string text) => Assert.True(HookAnswer.Read(Encoding.UTF8.GetBytes(text)).Outcome.IsFailure);
}
