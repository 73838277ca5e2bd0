"""`python -m serving.rollout`: looks at rollouts and decides about them."""

from core.environment import enter_environment

if __name__ == "__main__":
    enter_environment()
    from serving.rollout.command import main

    main()
