"""The agent loop: what the `loop` baseline does, and the innermost call of every port.

Choices that a reader of results should know:

* Every call of a reply is executed, in order; a failed one does not stop the next, unless a layer asks for that.
* A reply that cannot be parsed stays in the history as the model said it. The answer is one line naming the error, on
  the tool channel where a call was attempted and from the user where nothing was said at all.
* A text reply goes to the simulated user if there is one; otherwise, or when they have nothing to add, it ends the
  trial. What a user heard is the answer, all of it; text beside a tool call is not heard.
* A text reply cut at `max_tokens` is an answer; its REPLY event says LENGTH.
"""

from __future__ import annotations

from dataclasses import replace

from harnesslab.harness.compose import Harness, Ports
from harnesslab.harness.run import Ended, Run
from harnesslab.harness.schemas import fits
from harnesslab.harness.wording import EMPTY_REPLY
from harnesslab.types import (
    ASIDE,
    BREAK,
    Action,
    ActionResult,
    Answer,
    Completion,
    Conversation,
    EndReason,
    Engine,
    Environment,
    EventFlag,
    EventKind,
    FinishReason,
    Generate,
    Message,
    Outcome,
    ParseErrorKind,
    Recorder,
    Request,
    Sampling,
    Status,
    TaskView,
    Toolbox,
    ToolCall,
    TurnKind,
    User,
)

_KNOWN, _VALID, _REACHED = int(EventFlag.KNOWN_TOOL), int(EventFlag.SCHEMA_VALID), int(EventFlag.REACHED)
_WROTE, _TRANSIENT = int(EventFlag.WROTE), int(EventFlag.TRANSIENT)
_MEMO, _ANSWER = int(EventFlag.MEMO), int(EventFlag.ANSWER)

_END_STATUS = {
    EndReason.ANSWERED: Status.OK,
    EndReason.TURNS: Status.LENGTH,
    EndReason.TOKENS: Status.LENGTH,
    EndReason.SECONDS: Status.TIMEOUT,
    EndReason.OVERFLOW: Status.OVERFLOW,
    EndReason.ABORTED: Status.BLOCKED,
}
_SKIPPED = ActionResult(Status.SKIPPED, "Error: not run, because an earlier call of the same reply failed.")


async def run_trial(
    view: TaskView,
    environment: Environment,
    user: User | None,
    engine: Engine,
    harness: Harness,
    sampling: Sampling,
    recorder: Recorder,
    stream: int,
    repeat: int = 0,
) -> Answer:
    """Runs one trial to its end.

    Args:
        view: all of the task that the harness may know.
        environment: the task's world, fresh; left as the agent leaves it.
        user: the simulated user, or None where a text reply ends the trial.
        stream: hash of seed, suite version, task and variant; with `repeat` the seed of all random streams.

    Raises:
        EngineFailure: the engine failed; the trial is missing, not failed.
    """
    run = Run(view, environment, engine, sampling, recorder, stream, repeat)
    loop = _Loop(run, environment, user, engine, harness)
    answer = await loop.ports.solve(view)
    run.account = ""
    run.record(
        EventKind.END,
        status=_END_STATUS[answer.reason],
        start=run.seconds,
        payload={"reason": str(answer.reason), "text": answer.text, "n_ctx": run.n_ctx, **run.take_rendered()},
    )
    return answer


class _Loop:
    """The innermost call of each port, around one `Run`."""

    __slots__ = ("engine", "environment", "ports", "run", "user")

    def __init__(self, run: Run, environment: Environment, user: User | None, engine: Engine, harness: Harness) -> None:
        self.run, self.environment, self.user, self.engine = run, environment, user, engine
        self.ports: Ports = harness.bind(run, Ports(self.tools, self.generate, self.act, self.turn, self.solve))
        run.has_user, run.questions = user is not None, self.generate

    def tools(self, toolbox: Toolbox) -> Toolbox:
        return toolbox

    async def solve(self, task: TaskView) -> Answer:
        """One attempt: a fresh conversation, turn after turn until an answer or the end of a budget."""
        with self.run.attempt(task.budget):
            return await self._attempt(task)

    async def _attempt(self, task: TaskView) -> Answer:
        run, user = self.run, self.user
        conversation = Conversation([Message("system", task.system)] if task.system else [])
        conversation.messages.append(Message("user", task.prompt))
        said, told = "", list[str]()
        while True:
            outcome = await self.ports.turn(conversation)
            if outcome.kind in (TurnKind.ANSWERED, TurnKind.ACTED) and outcome.completion is not None:
                said = outcome.completion.content or said
            if outcome.kind is TurnKind.ENDED:
                return Answer(said if user is None else BREAK.join(told), EndReason(outcome.reason))
            if outcome.kind is TurnKind.ANSWERED:
                if user is None:
                    return Answer(said, EndReason.ANSWERED)
                told.append(said.replace(BREAK, "\n"))
                heard = await user.reply(told[-1])
                if heard is None:
                    return Answer(BREAK.join(told), EndReason.ANSWERED)
                run.record(EventKind.USER, layer="", start=run.seconds, payload={"text": heard})
                conversation.messages.append(Message("user", heard))

    async def turn(self, conversation: Conversation) -> Outcome:
        """One reply and the actions it causes, all appended to the conversation."""
        run, messages = self.run, conversation.messages
        out = run.out_of()
        if out is not None:
            return Outcome(TurnKind.ENDED, None, reason=out)
        run.turn += 1
        run.mender = ""
        run.toolbox = self.ports.tools(self.environment.toolbox)
        try:
            request = Generate(tuple(messages), run.toolbox.tools, run.sampling, branch=run.branch)
            completion = await self.ports.generate(request)
        except Ended as end:
            return Outcome(TurnKind.ENDED, None, reason=end.reason)
        if completion.finish_reason is FinishReason.OVERFLOW:
            return Outcome(TurnKind.ENDED, completion, reason=EndReason.OVERFLOW)
        if _unparsed(completion):
            messages.append(Message("assistant", completion.content, reasoning=completion.reasoning))
            messages.append(_parse_answer(completion))
            return Outcome(TurnKind.UNPARSED, completion)
        position = len(messages)
        calls = tuple(
            call if call.id else replace(call, id=f"call{position:03d}{i:02d}")
            for i, call in enumerate(completion.tool_calls)
        )
        messages.append(
            Message("assistant", completion.content, tool_calls=calls, reasoning=completion.reasoning),
        )
        if not calls:
            return Outcome(TurnKind.ANSWERED, completion)
        actions: list[Action] = []
        failed = False
        emitted = run.reply.tool_calls if run.reply is not None else ()
        mender = run.mender  # of the reply; a layer may yet step in at a call
        for call, said in zip(calls, completion.tool_calls, strict=True):
            author = "" if said in emitted else mender
            result = await self._action(call, author, skip=failed and run.halts)
            failed = failed or not result.ok
            messages.append(Message("tool", result.content, tool_call_id=call.id, name=call.name))
            actions.append(Action(call, result))
        return Outcome(TurnKind.ACTED, completion, tuple(actions))

    async def generate(self, request: Generate) -> Completion:
        """One model call: rendered, keyed, asked, booked."""
        run = self.run
        prompt = await self.engine.render(request.messages, request.tools)
        out = run.out_of(prompt.n_tokens)
        if out is not None:
            run.tell(prompt)
            raise Ended(out)
        sampling = request.sampling
        left = run.left.tokens
        if left is not None and left - prompt.n_tokens < sampling.max_tokens:
            sampling = replace(sampling, max_tokens=left - prompt.n_tokens)
        key = run.rng_key(prompt.digest, request.branch, greedy=sampling.greedy)
        start = run.seconds
        completion = await self.engine.complete(Request(prompt, sampling, key, request.constraint))
        run.replies += 1
        run.spent = run.spent + completion.usage
        run.reply = completion
        aside = request.branch == ASIDE
        status = _aside_status(completion) if aside else _reply_status(completion)
        flags = _MEMO if completion.memo else 0
        if aside or (not completion.tool_calls and status in (Status.OK, Status.LENGTH)):
            flags |= _ANSWER
        run.record(
            EventKind.REPLY,
            status=status,
            flags=flags,
            completion=completion,
            own=run.own_tokens(prompt, completion),
            branch=request.branch,
            start=start,
            duration=run.seconds - start,
            payload={"asked": run.request_key(request), **run.take_rendered()},
        )
        return completion

    async def act(self, call: ToolCall) -> ActionResult:
        """One tool execution. It reached a tool if the world's log says so."""
        run, environment = self.run, self.environment
        logged = len(environment.log)
        start = run.seconds
        result = environment.call(call)
        if len(environment.log) > logged:
            run.reached += 1
            run.record(
                EventKind.EXEC,
                status=result.status,
                flags=(_WROTE if result.wrote else 0) | (_TRANSIENT if result.transient else 0),
                call=call,
                result=result,
                start=start,
                duration=run.seconds - start,
            )
        return result

    async def _action(self, call: ToolCall, author: str, *, skip: bool) -> ActionResult:
        """One emitted call: judged before any layer acts, then executed, then written ahead of what it caused."""
        run = self.run
        tool = run.toolbox.get(call.name)
        flags = 0 if tool is None else _KNOWN | (_VALID if fits(tool, call.arguments) else 0)
        start, reached = run.seconds, run.reached
        run.hold()
        result = _SKIPPED if skip else await self.ports.act(call)
        held = run.release()
        if run.reached > reached:
            flags |= _REACHED
        if result.transient:
            flags |= _TRANSIENT
        run.record(
            EventKind.CALL,
            status=result.status,
            layer=author,
            flags=flags,
            call=call,
            result=result,
            start=start,
            duration=run.seconds - start,
        )
        run.replay(held)
        return result


def _unparsed(completion: Completion) -> bool:
    return completion.parse_error is not None or not (completion.tool_calls or completion.content.strip())


def _reply_status(completion: Completion) -> Status:
    if completion.finish_reason is FinishReason.OVERFLOW:
        return Status.OVERFLOW
    if _unparsed(completion):
        return Status.UNPARSEABLE
    cut = completion.finish_reason is FinishReason.LENGTH and not completion.tool_calls
    return Status.LENGTH if cut else Status.OK


def _aside_status(completion: Completion) -> Status:
    """Text was asked for: whatever was said is text."""
    if completion.finish_reason is FinishReason.OVERFLOW:
        return Status.OVERFLOW
    return Status.LENGTH if completion.finish_reason is FinishReason.LENGTH else Status.OK


def _parse_answer(completion: Completion) -> Message:
    error = completion.parse_error
    if error is None or error.kind is ParseErrorKind.EMPTY:
        return Message("user", EMPTY_REPLY)
    return Message("tool", f"Error: the tool call could not be read: {error.message}")
